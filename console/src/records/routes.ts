// Pages of what is remembered.

import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { root } from "../app/root";
import { readAsked } from "./asked";

export const recordRoutes = [
  createRoute({
    getParentRoute: () => root,
    path: "/audit-records",
    validateSearch: readAsked,
    component: lazyRouteComponent(() => import("./AuditPage"), "AuditPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/events",
    validateSearch: readAsked,
    component: lazyRouteComponent(() => import("./EventsPage"), "EventsPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/resources/$resourceType/$resourceId",
    component: lazyRouteComponent(() => import("./ResourcePage"), "ResourcePage"),
  }),
] as const;
