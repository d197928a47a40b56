// Pages of the hosts, for who operates the region.

import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { root } from "../app/root";

export const hostRoutes = [
  createRoute({
    getParentRoute: () => root,
    path: "/hosts",
    component: lazyRouteComponent(() => import("./HostsPage"), "HostsPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/hosts/$hostId",
    component: lazyRouteComponent(() => import("./HostPage"), "HostPage"),
  }),
] as const;
