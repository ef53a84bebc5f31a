import type { ErrorComponentProps } from "@tanstack/react-router";
import { ErrorState } from "@/components/states";

/** What stands where a page failed, such as one whose script is of an older version than the server. */
export function PageCrash({ error }: ErrorComponentProps) {
  return (
    <ErrorState title="This page could not be shown" error={error} onRetry={() => window.location.reload()} />
  );
}
