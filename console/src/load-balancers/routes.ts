// Pages of load balancers and of what belongs to them.

import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { root } from "../app/root";

export const loadBalancerRoutes = [
  createRoute({
    getParentRoute: () => root,
    path: "/load-balancers",
    component: lazyRouteComponent(() => import("./ListPage"), "ListPage"),
  }),
] as const;
