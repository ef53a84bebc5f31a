import type { ReactNode } from "react";
import classes from "./Facts.module.css";

/** Names and values, in two columns. */
export function Facts({ facts }: { facts: readonly [string, ReactNode][] }) {
  return (
    <dl className={classes.facts}>
      {facts.map(([name, value]) => (
        <div key={name} className={classes.fact}>
          <dt className={classes.name}>{name}</dt>
          <dd className={`numbers ${classes.value}`}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
