// Instances, their templates and availability groups, as the API has them.

import { api, result } from "../api/client";
import { type Page, pageQuery, type PageRequest } from "../api/pages";
import type { components as Ag } from "../api/schema/ag";
import type { components as Vm } from "../api/schema/vm";
import { regionId } from "../app/settings";

export type AvailabilityGroup = Ag["schemas"]["AvailabilityGroup"];
export type Instance = Vm["schemas"]["Instance"];
export type InstanceTemplate = Vm["schemas"]["InstanceTemplate"];

function at(): { regionId: string } {
  return { regionId: regionId() };
}

export type AgFilter = "agName" | "agId" | "instanceTemplateId" | "vpcId";

export async function availabilityGroups(request: PageRequest<AgFilter>): Promise<Page<AvailabilityGroup>> {
  const params = { path: at(), query: pageQuery(request) };
  const found = result(await api.ag.GET("/v1/regions/{regionId}/availabilityGroups", { params }));
  return { items: found.ags, total: found.totalCount };
}

export async function createAvailabilityGroup(body: Ag["schemas"]["CreateAg"]): Promise<string> {
  return result(await api.ag.POST("/v1/regions/{regionId}/availabilityGroups", { params: { path: at() }, body })).agId;
}

export async function deleteAvailabilityGroup(agId: string): Promise<void> {
  await api.ag.DELETE("/v1/regions/{regionId}/availabilityGroups/{agId}", { params: { path: { ...at(), agId } } });
}

export type InstanceFilter = "instanceId" | "privateIpAddress" | "az" | "vpcId" | "status" | "subnetId" | "name" | "agId" | "hostId";

export async function instances(request: PageRequest<InstanceFilter>): Promise<Page<Instance>> {
  const params = { path: at(), query: pageQuery(request) };
  const found = result(await api.vm.GET("/v1/regions/{regionId}/instances", { params }));
  return { items: found.instances, total: found.totalCount };
}

/** Adds instances to an availability group; it spreads them. */
export async function growAvailabilityGroup(agId: string, name: string, count: number): Promise<string[]> {
  const body = { instanceSpec: { agId, name }, maxCount: count };
  return result(await api.vm.POST("/v1/regions/{regionId}/instances", { params: { path: at() }, body })).instanceIds;
}

export async function instanceTemplates(request: PageRequest<"name" | "instanceTemplateId">): Promise<Page<InstanceTemplate>> {
  const params = { path: at(), query: pageQuery(request) };
  const found = result(await api.vm.GET("/v1/regions/{regionId}/instanceTemplates", { params }));
  return { items: found.instanceTemplates, total: found.totalCount };
}
