// Pages of load balancers and of what belongs to them.

import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { root } from "../app/root";

export const loadBalancerRoutes = [
  createRoute({
    getParentRoute: () => root,
    path: "/load-balancers",
    component: lazyRouteComponent(() => import("./ListPage"), "ListPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/load-balancers/create",
    component: lazyRouteComponent(() => import("./CreatePage"), "CreatePage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/load-balancers/$loadBalancerId",
    component: lazyRouteComponent(() => import("./LoadBalancerPage"), "LoadBalancerPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/load-balancers/$loadBalancerId/listeners/create",
    component: lazyRouteComponent(() => import("./create-listener/WizardPage"), "WizardPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/load-balancers/$loadBalancerId/listeners/$listenerId",
    component: lazyRouteComponent(() => import("./ListenerPage"), "ListenerPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/load-balancers/$loadBalancerId/backends/$backendId",
    component: lazyRouteComponent(() => import("./BackendPage"), "BackendPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/load-balancers/$loadBalancerId/backends/$backendId/targets/$targetInstanceId",
    component: lazyRouteComponent(() => import("./TargetPage"), "TargetPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/load-balancers/$loadBalancerId/target-groups/$targetGroupId",
    component: lazyRouteComponent(() => import("./TargetGroupPage"), "TargetGroupPage"),
  }),
] as const;
