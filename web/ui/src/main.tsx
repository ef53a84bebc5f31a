import "@fontsource-variable/inter/wght.css";
import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "./global.css";
import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { onUnauthenticated, RequestError } from "./api/http";
import { setSession } from "./api/session";
import { watchOverConnections } from "./api/watch/connection";
import { dropCollections } from "./api/watch/useCollection";
import { nonce } from "./lib/nonce";
import { createAppRouter } from "./router";
import { theme, variables } from "./theme";

const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // What the server refused, it will refuse again.
      retry: (failures, error) => failures < 3 && error instanceof RequestError && error.unreachable,
      refetchOnWindowFocus: false,
      // The browser's idea of being offline doesn't matter to a server on this machine, and who asks for
      // something is told at once that it failed, rather than that it is done later.
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});

// Whoever finds the session gone, the sign-in page is where to go on; it stands in for whatever was open.
onUnauthenticated(() => {
  dropCollections(queryClient);
  setSession(queryClient, undefined);
});
watchOverConnections();

const root = document.getElementById("root");
if (!root) throw new Error("the page has no #root");
createRoot(root).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={variables}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce}
    >
      <QueryClientProvider client={queryClient}>
        <Notifications position="bottom-right" />
        <RouterProvider router={createAppRouter()} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
