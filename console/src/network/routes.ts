// Pages of networks.

import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { root } from "../app/root";

export const networkRoutes = [
  createRoute({
    getParentRoute: () => root,
    path: "/vpcs",
    component: lazyRouteComponent(() => import("./VpcsPage"), "VpcsPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/vpcs/$vpcId",
    component: lazyRouteComponent(() => import("./VpcPage"), "VpcPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/subnets",
    component: lazyRouteComponent(() => import("./SubnetsPage"), "SubnetsPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/subnets/$subnetId",
    component: lazyRouteComponent(() => import("./SubnetPage"), "SubnetPage"),
  }),
] as const;
