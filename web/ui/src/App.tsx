import { Center } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Outlet } from "@tanstack/react-router";
import { sessionQuery } from "./api/session";
import { Shell } from "./components/Shell";
import { SessionContext } from "./components/session";
import { ErrorState, LoadingState } from "./components/states";
import { SignInPage } from "./pages/signin/SignInPage";

/** Everything: the pages for whoever is signed in, else the sign-in page in their place. */
export function App() {
  const session = useQuery(sessionQuery);
  if (session.data) {
    return (
      <SessionContext value={session.data}>
        <Shell>
          <Outlet />
        </Shell>
      </SessionContext>
    );
  }
  if (session.data === null) return <SignInPage />;
  return (
    <Center mih="100dvh" p="md">
      {session.isError ? (
        <ErrorState
          title="The server does not answer"
          error={session.error}
          onRetry={() => void session.refetch()}
        />
      ) : (
        <LoadingState />
      )}
    </Center>
  );
}
