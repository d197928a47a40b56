// Load balancers and what belongs to them, as the API has them.

import { api, result } from "../api/client";
import { type Filter, filterQuery, type Page, pageQuery, type PageRequest } from "../api/pages";
import type { components as Dnlb } from "../api/schema/dnlb";
import type { components as Lb } from "../api/schema/lb";
import { regionId } from "../app/settings";

export type LoadBalancer = Lb["schemas"]["LoadBalancer"];
export type Listener = Lb["schemas"]["Listener"];
export type Backend = Lb["schemas"]["Backend"];
export type TargetGroup = Lb["schemas"]["TargetGroup"];
export type Target = Lb["schemas"]["Target"];
export type RowDistribution = Lb["schemas"]["RowDistribution"];
export type TargetRows = Lb["schemas"]["TargetRows"];
export type TargetHealth = Lb["schemas"]["TargetHealth"];
export type AgTarget = Lb["schemas"]["AgTarget"];
export type Protocol = Listener["protocol"];
export type Convergence = Dnlb["schemas"]["Convergence"];
export type LoadBalancerStatus = Dnlb["schemas"]["LoadBalancerStatus"];
export type ListenerStatus = Dnlb["schemas"]["ListenerStatus"];

/** Without it, these lists show load balancers of another type, of which there are none. */
const OF_OURS: Filter<"loadBalancerType"> = { name: "loadBalancerType", operator: "eq", values: ["dnlb"] };

function ours<Name extends string>(request: PageRequest<Name>): PageRequest<Name | "loadBalancerType"> {
  return { ...request, filters: [OF_OURS, ...request.filters] };
}

function at(): { regionId: string } {
  return { regionId: regionId() };
}

export type LoadBalancerFilter = "loadBalancerIds" | "loadBalancerNames" | "vpcId";

export async function loadBalancers(request: PageRequest<LoadBalancerFilter>): Promise<Page<LoadBalancer>> {
  const params = { path: at(), query: pageQuery(ours(request)) };
  const found = result(await api.lb.GET("/v1/regions/{regionId}/loadBalancers", { params }));
  return { items: found.loadBalancers, total: found.totalCount };
}

export async function loadBalancer(loadBalancerId: string): Promise<LoadBalancer> {
  const params = { path: { ...at(), loadBalancerId } };
  return result(await api.lb.GET("/v1/regions/{regionId}/loadBalancers/{loadBalancerId}", { params })).loadBalancer;
}

export async function createLoadBalancer(body: Lb["schemas"]["CreateLoadBalancer"]): Promise<string> {
  return result(await api.lb.POST("/v1/regions/{regionId}/loadBalancers", { params: { path: at() }, body })).loadBalancerId;
}

export async function updateLoadBalancer(loadBalancerId: string, body: Lb["schemas"]["UpdateLoadBalancer"]): Promise<void> {
  const params = { path: { ...at(), loadBalancerId } };
  await api.lb.PATCH("/v1/regions/{regionId}/loadBalancers/{loadBalancerId}", { params, body });
}

export async function deleteLoadBalancer(loadBalancerId: string): Promise<void> {
  await api.lb.DELETE("/v1/regions/{regionId}/loadBalancers/{loadBalancerId}", { params: { path: { ...at(), loadBalancerId } } });
}

export async function associateElasticIp(loadBalancerId: string, elasticIpId: string): Promise<void> {
  await api.lb.POST("/v1/regions/{regionId}/loadBalancers/{loadBalancerId}:associateElasticIp", {
    params: { path: { ...at(), loadBalancerId } },
    body: { elasticIpId },
  });
}

export async function disassociateElasticIp(loadBalancerId: string, elasticIpId: string): Promise<void> {
  await api.lb.POST("/v1/regions/{regionId}/loadBalancers/{loadBalancerId}:disassociateElasticIp", {
    params: { path: { ...at(), loadBalancerId } },
    body: { elasticIpId },
  });
}

export type ListenerFilter = "listenerIds" | "listenerNames" | "loadBalancerId";

export async function listeners(request: PageRequest<ListenerFilter>): Promise<Page<Listener>> {
  const params = { path: at(), query: pageQuery(ours(request)) };
  const found = result(await api.lb.GET("/v1/regions/{regionId}/listeners", { params }));
  return { items: found.listeners, total: found.totalCount };
}

export async function listener(listenerId: string): Promise<Listener> {
  const params = { path: { ...at(), listenerId } };
  return result(await api.lb.GET("/v1/regions/{regionId}/listeners/{listenerId}", { params })).listener;
}

export async function createListener(body: Lb["schemas"]["CreateListener"]): Promise<string> {
  return result(await api.lb.POST("/v1/regions/{regionId}/listeners", { params: { path: at() }, body })).listenerId;
}

export async function updateListener(listenerId: string, body: Lb["schemas"]["UpdateListener"]): Promise<void> {
  await api.lb.PATCH("/v1/regions/{regionId}/listeners/{listenerId}", { params: { path: { ...at(), listenerId } }, body });
}

export async function deleteListener(listenerId: string): Promise<void> {
  await api.lb.DELETE("/v1/regions/{regionId}/listeners/{listenerId}", { params: { path: { ...at(), listenerId } } });
}

export type BackendFilter = "backendIds" | "backendNames" | "loadBalancerId" | "agId" | "protocol";

export async function backends(request: PageRequest<BackendFilter>): Promise<Page<Backend>> {
  const params = { path: at(), query: pageQuery(ours(request)) };
  const found = result(await api.lb.GET("/v1/regions/{regionId}/backends", { params }));
  return { items: found.backends, total: found.totalCount };
}

export async function backend(backendId: string): Promise<Backend> {
  const params = { path: { ...at(), backendId } };
  return result(await api.lb.GET("/v1/regions/{regionId}/backends/{backendId}", { params })).backend;
}

export async function createBackend(body: Lb["schemas"]["CreateBackend"]): Promise<string> {
  return result(await api.lb.POST("/v1/regions/{regionId}/backends", { params: { path: at() }, body })).backendId;
}

export async function updateBackend(backendId: string, body: Lb["schemas"]["UpdateBackend"]): Promise<void> {
  await api.lb.PATCH("/v1/regions/{regionId}/backends/{backendId}", { params: { path: { ...at(), backendId } }, body });
}

export async function deleteBackend(backendId: string): Promise<void> {
  await api.lb.DELETE("/v1/regions/{regionId}/backends/{backendId}", { params: { path: { ...at(), backendId } } });
}

export async function targetHealths(backendId: string): Promise<TargetHealth[]> {
  const params = { path: { ...at(), backendId } };
  return result(await api.lb.GET("/v1/regions/{regionId}/backends/{backendId}/health", { params })).targetHealths;
}

/** As hosts compute it for new connections. */
export async function rowDistribution(backendId: string): Promise<RowDistribution> {
  const params = { path: { ...at(), backendId } };
  return result(await api.lb.GET("/v1/regions/{regionId}/backends/{backendId}/rowDistribution", { params })).rowDistribution;
}

export async function updateAgTargets(backendId: string, targetUpdateSpecs: Lb["schemas"]["AgTargetUpdateSpec"][]): Promise<void> {
  const params = { path: { ...at(), backendId } };
  await api.lb.PATCH("/v1/regions/{regionId}/backends/{backendId}:updateAgTargets", { params, body: { targetUpdateSpecs } });
}

export async function agTargets(backendId: string, request: PageRequest<"weight">): Promise<Page<AgTarget>> {
  const params = { path: { ...at(), backendId }, query: pageQuery(request) };
  const found = result(await api.lb.GET("/v1/regions/{regionId}/backends/{backendId}/agTargets", { params }));
  return { items: found.agTargets, total: found.totalCount };
}

export type TargetGroupFilter = "targetGroupIds" | "targetGroupNames" | "loadBalancerId";

export async function targetGroups(request: PageRequest<TargetGroupFilter>): Promise<Page<TargetGroup>> {
  const params = { path: at(), query: pageQuery(ours(request)) };
  const found = result(await api.lb.GET("/v1/regions/{regionId}/targetGroups", { params }));
  return { items: found.targetGroups, total: found.totalCount };
}

export async function targetGroup(targetGroupId: string): Promise<TargetGroup> {
  const params = { path: { ...at(), targetGroupId } };
  return result(await api.lb.GET("/v1/regions/{regionId}/targetGroups/{targetGroupId}", { params })).targetGroup;
}

export async function createTargetGroup(body: Lb["schemas"]["CreateTargetGroup"]): Promise<string> {
  return result(await api.lb.POST("/v1/regions/{regionId}/targetGroups", { params: { path: at() }, body })).targetGroupId;
}

export async function updateTargetGroup(targetGroupId: string, body: Lb["schemas"]["UpdateTargetGroup"]): Promise<void> {
  await api.lb.PATCH("/v1/regions/{regionId}/targetGroups/{targetGroupId}", { params: { path: { ...at(), targetGroupId } }, body });
}

export async function deleteTargetGroup(targetGroupId: string): Promise<void> {
  await api.lb.DELETE("/v1/regions/{regionId}/targetGroups/{targetGroupId}", { params: { path: { ...at(), targetGroupId } } });
}

export type TargetFilter = "targetIds" | "instanceId" | "port" | "ipAddress";

export async function targets(targetGroupId: string, request: PageRequest<TargetFilter>): Promise<Page<Target>> {
  const params = { path: { ...at(), targetGroupId }, query: pageQuery(request) };
  const found = result(await api.lb.GET("/v1/regions/{regionId}/targetGroups/{targetGroupId}:describeTargets", { params }));
  return { items: found.targets, total: found.totalCount };
}

export async function registerTargets(targetGroupId: string, targetSpecs: { instanceId: string; port: number; weight: number }[]): Promise<void> {
  const params = { path: { ...at(), targetGroupId } };
  await api.lb.POST("/v1/regions/{regionId}/targetGroups/{targetGroupId}:registerTargets", { params, body: { targetSpecs } });
}

export async function deregisterTargets(targetGroupId: string, targetIds: string[]): Promise<void> {
  const params = { path: { ...at(), targetGroupId } };
  await api.lb.POST("/v1/regions/{regionId}/targetGroups/{targetGroupId}:deregisterTargets", { params, body: { targetIds } });
}

export async function updateTargets(targetGroupId: string, targetUpdateSpecs: Lb["schemas"]["TargetUpdateSpec"][]): Promise<void> {
  const params = { path: { ...at(), targetGroupId } };
  await api.lb.POST("/v1/regions/{regionId}/targetGroups/{targetGroupId}:updateTargets", { params, body: { targetUpdateSpecs } });
}

export async function convergence(loadBalancerId: string): Promise<Convergence> {
  const params = { path: { ...at(), loadBalancerId } };
  return result(await api.dnlb.GET("/v1/regions/{regionId}/loadBalancers/{loadBalancerId}/convergence", { params })).convergence;
}

/** Load balancers with their listeners and how many targets are healthy. */
export async function statuses(ids: readonly string[]): Promise<LoadBalancerStatus[]> {
  if (ids.length === 0) return [];
  const query = filterQuery([{ name: "loadBalancerIds", operator: "eq", values: ids }]);
  const params = { path: at(), query };
  return result(await api.dnlb.GET("/v1/regions/{regionId}/status", { params })).status.loadBalancers;
}

/** A load balancer as the list shows it. */
export interface ListedLoadBalancer extends LoadBalancer {
  listeners: readonly ListenerStatus[];
}

export async function listedLoadBalancers(request: PageRequest<LoadBalancerFilter>): Promise<Page<ListedLoadBalancer>> {
  const { items, total } = await loadBalancers(request);
  const told = await statuses(items.map(({ loadBalancerId }) => loadBalancerId));
  const byId = new Map(told.map((status) => [status.loadBalancerId, status.listeners]));
  return { items: items.map((item) => ({ ...item, listeners: byId.get(item.loadBalancerId) ?? [] })), total };
}

/** A listener with its backend service and how many of its targets are healthy. */
export interface ListedListener extends Listener {
  serving: ListenerStatus | undefined;
}

export async function listedListeners(loadBalancerId: string, request: PageRequest<ListenerFilter>): Promise<Page<ListedListener>> {
  const [{ items, total }, [told]] = await Promise.all([listeners(request), statuses([loadBalancerId])]);
  const byId = new Map(told?.listeners.map((status) => [status.listenerId, status]));
  return { items: items.map((item) => ({ ...item, serving: byId.get(item.listenerId) })), total };
}
