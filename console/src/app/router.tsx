// Which page an address shows. Pages are loaded when somebody goes there.

import { createRoute, createRouter, redirect } from "@tanstack/react-router";

import { computeRoutes } from "../compute/routes";
import { explainRoutes } from "../explain/routes";
import { hostRoutes } from "../hosts/routes";
import { loadBalancerRoutes } from "../load-balancers/routes";
import { networkRoutes } from "../network/routes";
import { peopleRoutes } from "../people/routes";
import { recordRoutes } from "../records/routes";
import { Crashed, NoPage } from "./Outcome";
import { BASE } from "./paths";
import { root } from "./root";

const start = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/load-balancers" });
  },
});

export const router = createRouter({
  routeTree: root.addChildren([start, ...loadBalancerRoutes, ...networkRoutes, ...computeRoutes, ...hostRoutes, ...peopleRoutes, ...recordRoutes, ...explainRoutes]),
  basepath: BASE,
  defaultNotFoundComponent: NoPage,
  defaultErrorComponent: Crashed,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
