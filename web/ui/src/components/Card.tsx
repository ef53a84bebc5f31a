import { Title } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./Card.module.css";

interface Props {
  title: string;
  /** Beside the title, at the right. */
  aside?: ReactNode;
  children: ReactNode;
}

/** A part of a page that stands for itself. */
export function Card({ title, aside, children }: Props) {
  return (
    <section className={classes.card} aria-label={title}>
      <div className={classes.head}>
        <Title order={2} size="h6">
          {title}
        </Title>
        {aside}
      </div>
      {children}
    </section>
  );
}
