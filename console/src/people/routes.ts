// Pages of who may do what.

import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { root } from "../app/root";

export const peopleRoutes = [
  createRoute({
    getParentRoute: () => root,
    path: "/users",
    component: lazyRouteComponent(() => import("./UsersPage"), "UsersPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/users/$userId",
    component: lazyRouteComponent(() => import("./UserPage"), "UserPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/access-keys",
    component: lazyRouteComponent(() => import("./KeysPage"), "KeysPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/accounts",
    component: lazyRouteComponent(() => import("./AccountsPage"), "AccountsPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/accounts/$accountId",
    component: lazyRouteComponent(() => import("./AccountPage"), "AccountPage"),
  }),
] as const;
