import { Button } from "@mantine/core";
import { IconLock, IconTags } from "@tabler/icons-react";
import { getRouteApi, Link } from "@tanstack/react-router";
import { leaseClasses } from "@/api/kubernetes";
import { useCollection } from "@/api/watch/useCollection";
import { CodeBlock } from "@/components/CodeBlock";
import { PageTitle } from "@/components/PageTitle";
import { useSession } from "@/components/session";
import { EmptyState, ErrorState, LoadingState } from "@/components/states";
import { firstClass } from "./form";
import { LeaseForm } from "./LeaseForm";

const route = getRouteApi("/new");
const everywhere = [undefined] as const;

/** Asks for a lease. */
export function NewLeasePage() {
  const session = useSession();
  const { class: wanted } = route.useSearch();
  const classes = useCollection({ resource: leaseClasses, namespaces: everywhere });
  const first =
    classes.data?.find((each) => each.metadata?.name === wanted) ?? firstClass(classes.data ?? []);
  return (
    <>
      <PageTitle title="New lease" />
      {!session.admin && session.editorOf.length === 0 ? (
        <EmptyState
          icon={<IconLock size={40} />}
          title="You may look, but not lease"
          action={
            <Button component={Link} to="/" variant="default">
              Go to the leases
            </Button>
          }
        >
          You are signed in as {session.user} without the role editor in any namespace. Ask an administrator
          for it.
        </EmptyState>
      ) : classes.data ? (
        first ? (
          <LeaseForm classes={classes.data} first={first} />
        ) : (
          <NoClasses admin={session.admin} />
        )
      ) : classes.isError ? (
        <ErrorState title="The classes could not be read" error={classes.error} />
      ) : (
        <LoadingState label="Loading the classes" />
      )}
    </>
  );
}

function NoClasses({ admin }: { admin: boolean }) {
  return (
    <EmptyState
      icon={<IconTags size={40} />}
      title="There is nothing to lease"
      action={admin && <CodeBlock label="Command" code="kubectl apply -f leaseclass.yaml" />}
    >
      A class says which images may be leased, at which sizes and prices, and there is none.
      {admin ? " Create one:" : " An administrator can create one."}
    </EmptyState>
  );
}
