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
  createRoute({
    getParentRoute: () => root,
    path: "/security-groups",
    component: lazyRouteComponent(() => import("./GroupsPage"), "GroupsPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/security-groups/$securityGroupId",
    component: lazyRouteComponent(() => import("./GroupPage"), "GroupPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/network-acls",
    component: lazyRouteComponent(() => import("./AclsPage"), "AclsPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/network-acls/$networkAclId",
    component: lazyRouteComponent(() => import("./AclPage"), "AclPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/elastic-ips",
    component: lazyRouteComponent(() => import("./ElasticIpsPage"), "ElasticIpsPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/elastic-ips/$elasticIpId",
    component: lazyRouteComponent(() => import("./ElasticIpPage"), "ElasticIpPage"),
  }),
] as const;
