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
  const options = useQuery(sessionQuery);
  if (options.data?.session) {
    return (
      <SessionContext value={options.data.session}>
        <Shell>
          <Outlet />
        </Shell>
      </SessionContext>
    );
  }
  if (options.data) return <SignInPage issuer={options.data.oidc} />;
  return (
    <Center mih="100dvh" p="md">
      {options.isError ? (
        <ErrorState
          title="The server does not answer"
          error={options.error}
          onRetry={() => void options.refetch()}
        />
      ) : (
        <LoadingState />
      )}
    </Center>
  );
}
