import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { App } from "./App";
import { LoadingState } from "./components/states";
import { parseView as parseBillingView } from "./pages/billing/view";
import { parseView } from "./pages/leases/view";
import { NotFoundPage } from "./pages/NotFoundPage";
import { PageCrash } from "./pages/PageCrash";

const root = createRootRoute({
  component: App,
  notFoundComponent: NotFoundPage,
  errorComponent: PageCrash,
});

const leases = createRoute({
  getParentRoute: () => root,
  path: "/",
  validateSearch: parseView,
  component: lazyRouteComponent(() => import("./pages/leases/LeasesPage"), "LeasesPage"),
});

const newLease = createRoute({
  getParentRoute: () => root,
  path: "/new",
  validateSearch: (search): { class?: string } =>
    typeof search.class === "string" ? { class: search.class } : {},
  component: lazyRouteComponent(() => import("./pages/new/NewLeasePage"), "NewLeasePage"),
});

const lease = createRoute({
  getParentRoute: () => root,
  path: "/leases/$namespace/$name",
  component: lazyRouteComponent(() => import("./pages/lease/LeasePage"), "LeasePage"),
});

const billing = createRoute({
  getParentRoute: () => root,
  path: "/billing",
  validateSearch: parseBillingView,
  component: lazyRouteComponent(() => import("./pages/billing/BillingPage"), "BillingPage"),
});

const classes = createRoute({
  getParentRoute: () => root,
  path: "/classes",
  component: lazyRouteComponent(() => import("./pages/classes/ClassesPage"), "ClassesPage"),
});

const routes = root.addChildren([leases, newLease, lease, billing, classes]);

export function createAppRouter() {
  return createRouter({
    routeTree: routes,
    defaultPreload: "intent",
    defaultPendingComponent: LoadingState,
    defaultErrorComponent: PageCrash,
    scrollRestoration: true,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
