import { Button } from "@mantine/core";
import { IconMapOff } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { PageTitle } from "@/components/PageTitle";
import { EmptyState } from "@/components/states";

export function NotFoundPage() {
  return (
    <>
      <PageTitle title="Not found" />
      <EmptyState
        icon={<IconMapOff size={40} />}
        title="There is no such page"
        action={
          <Button component={Link} to="/" variant="default">
            Go to the leases
          </Button>
        }
      >
        Nothing is shown at this address. The link may be old, or mistyped.
      </EmptyState>
    </>
  );
}
