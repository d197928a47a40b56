// Pages of what serves.

import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { root } from "../app/root";

export const computeRoutes = [
  createRoute({
    getParentRoute: () => root,
    path: "/availability-groups",
    component: lazyRouteComponent(() => import("./GroupsPage"), "GroupsPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/availability-groups/create",
    component: lazyRouteComponent(() => import("./CreateGroupPage"), "CreateGroupPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/availability-groups/$agId",
    component: lazyRouteComponent(() => import("./GroupPage"), "GroupPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/instances",
    component: lazyRouteComponent(() => import("./InstancesPage"), "InstancesPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/instances/$instanceId",
    component: lazyRouteComponent(() => import("./InstancePage"), "InstancePage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/instance-templates",
    component: lazyRouteComponent(() => import("./TemplatesPage"), "TemplatesPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/instance-templates/create",
    component: lazyRouteComponent(() => import("./CreateTemplatePage"), "CreateTemplatePage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/instance-templates/$instanceTemplateId",
    component: lazyRouteComponent(() => import("./TemplatePage"), "TemplatePage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/instance-templates/$instanceTemplateId/edit",
    component: lazyRouteComponent(() => import("./EditTemplatePage"), "EditTemplatePage"),
  }),
] as const;
