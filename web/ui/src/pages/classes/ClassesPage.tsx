import { Badge, Button, Text, Title } from "@mantine/core";
import { IconTags } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { leaseClasses } from "@/api/kubernetes";
import type { LeaseClass } from "@/api/types";
import { useCollection } from "@/api/watch/useCollection";
import { Facts } from "@/components/Facts";
import { PageTitle } from "@/components/PageTitle";
import { useSession } from "@/components/session";
import { EmptyState, ErrorState, LoadingState } from "@/components/states";
import { isDefaultClass } from "@/lib/lease";
import classes from "./ClassesPage.module.css";
import { inOrder, prices, rules } from "./view";

const everywhere = [undefined] as const;

/** What may be leased, and at what price. */
export function ClassesPage() {
  const session = useSession();
  const found = useCollection({ resource: leaseClasses, namespaces: everywhere });
  return (
    <>
      <PageTitle title="Classes" hint="What may be leased, and at what price" />
      {found.data ? (
        found.data.length > 0 ? (
          <div className={classes.cards}>
            {inOrder(found.data).map((each) => (
              <ClassCard key={each.metadata?.name} leaseClass={each} />
            ))}
          </div>
        ) : (
          <EmptyState icon={<IconTags size={40} />} title="There are no classes">
            Nothing can be leased until there is one.{" "}
            {session.admin
              ? "Create it by kubectl apply -f leaseclass.yaml."
              : "An administrator can create it."}
          </EmptyState>
        )
      ) : found.isError ? (
        <ErrorState title="The classes could not be read" error={found.error} />
      ) : (
        <LoadingState label="Loading the classes" />
      )}
    </>
  );
}

function ClassCard({ leaseClass }: { leaseClass: LeaseClass }) {
  const name = leaseClass.metadata?.name ?? "";
  const { catalog = [], allow = [] } = leaseClass.spec.images;
  return (
    <article className={classes.card} aria-label={name} data-testid={`class-${name}`}>
      <div className={classes.head}>
        <Title order={2} size="h4">
          {name}
        </Title>
        {isDefaultClass(leaseClass) && (
          <Badge variant="default" size="sm" tt="none">
            default
          </Badge>
        )}
      </div>
      <Part title="Prices">
        <Facts facts={prices(leaseClass.spec)} />
      </Part>
      <Part title="Limits">
        <Facts facts={rules(leaseClass.spec)} />
      </Part>
      <Part title="Images">
        <ul className={classes.images}>
          {catalog.map((image) => (
            <li key={image.name} className={classes.image}>
              <Text component="span" size="sm" fw={550}>
                {image.name}
              </Text>
              <span className={classes.reference}>
                <Text component="span" size="xs" display="block">
                  {image.reference}
                </Text>
                {image.description && (
                  <Text component="span" size="xs" c="dimmed" display="block">
                    {image.description}
                  </Text>
                )}
              </span>
            </li>
          ))}
        </ul>
      </Part>
      {allow.length > 0 && (
        <Part title="Other images allowed">
          <ul className={classes.images}>
            {allow.map((pattern) => (
              <Text component="li" key={pattern} size="xs" className={classes.pattern ?? ""}>
                {pattern}
              </Text>
            ))}
          </ul>
        </Part>
      )}
      <Button
        variant="default"
        mt="auto"
        aria-label={`Lease with this class, ${name}`}
        renderRoot={(props) => <Link to="/new" search={{ class: name }} {...props} />}
      >
        Lease with this class
      </Button>
    </article>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <Title order={3} size="xs" c="dimmed" mb={6}>
        {title}
      </Title>
      {children}
    </section>
  );
}
