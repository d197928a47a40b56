// Instances, their templates and availability groups, as the API has them.

import { api, result } from "../api/client";
import { type Page, pageQuery, type PageRequest } from "../api/pages";
import type { components as Ag } from "../api/schema/ag";
import type { components as Vm } from "../api/schema/vm";
import { regionId } from "../app/settings";

export type AvailabilityGroup = Ag["schemas"]["AvailabilityGroup"];
export type Instance = Vm["schemas"]["Instance"];
export type InstanceTemplate = Vm["schemas"]["InstanceTemplate"];

/** What the API refuses to take at all is left out. */
export type TemplateData = Pick<Vm["schemas"]["InstanceTemplateSpec"], "imageId" | "instanceType" | "metadata" | "primaryNetworkInterface" | "userdata">;
export type InstanceChange = Pick<Vm["schemas"]["ModifyInstanceAttribute"], "description" | "metadata" | "name" | "userdata">;
type NewInstances = Pick<Vm["schemas"]["InstanceSpec"], "agId" | "az" | "description" | "instanceTemplateId" | "name">;

function at(): { regionId: string } {
  return { regionId: regionId() };
}

/** What groups may be filtered by. */
export type AgFilter = "agName" | "agId" | "instanceTemplateId" | "vpcId";

export async function availabilityGroups(request: PageRequest<AgFilter>): Promise<Page<AvailabilityGroup>> {
  const params = { path: at(), query: pageQuery(request) };
  const found = result(await api.ag.GET("/v1/regions/{regionId}/availabilityGroups", { params }));
  return { items: found.ags, total: found.totalCount };
}

export async function availabilityGroup(agId: string): Promise<AvailabilityGroup> {
  return result(await api.ag.GET("/v1/regions/{regionId}/availabilityGroups/{agId}", { params: { path: { ...at(), agId } } })).ag;
}

export async function createAvailabilityGroup(body: Ag["schemas"]["CreateAg"]): Promise<string> {
  return result(await api.ag.POST("/v1/regions/{regionId}/availabilityGroups", { params: { path: at() }, body })).agId;
}

export async function deleteAvailabilityGroup(agId: string): Promise<void> {
  await api.ag.DELETE("/v1/regions/{regionId}/availabilityGroups/{agId}", { params: { path: { ...at(), agId } } });
}

export async function updateAvailabilityGroup(agId: string, body: Ag["schemas"]["UpdateAg"]): Promise<void> {
  await api.ag.PATCH("/v1/regions/{regionId}/availabilityGroups/{agId}", { params: { path: { ...at(), agId } }, body });
}

/** For instances to come: those that there are stay as they were made. */
export async function setTemplateOfGroup(agId: string, instanceTemplateId: string): Promise<void> {
  const params = { path: { ...at(), agId } };
  await api.ag.POST("/v1/regions/{regionId}/availabilityGroups/{agId}:setInstanceTemplate", { params, body: { instanceTemplateId } });
}

/** The instances live on, outside the group. */
export async function abandonInstances(agId: string, instanceIds: string[]): Promise<void> {
  const params = { path: { ...at(), agId } };
  await api.ag.POST("/v1/regions/{regionId}/availabilityGroups/{agId}:abandonInstances", { params, body: { instanceIds } });
}

export type InstanceFilter = "instanceId" | "privateIpAddress" | "az" | "vpcId" | "status" | "subnetId" | "name" | "agId" | "hostId";

export async function instances(request: PageRequest<InstanceFilter>): Promise<Page<Instance>> {
  const params = { path: at(), query: pageQuery(request) };
  const found = result(await api.vm.GET("/v1/regions/{regionId}/instances", { params }));
  return { items: found.instances, total: found.totalCount };
}

export async function instance(instanceId: string): Promise<Instance> {
  return result(await api.vm.GET("/v1/regions/{regionId}/instances/{instanceId}", { params: { path: { ...at(), instanceId } } })).instance;
}

export async function createInstances(instanceSpec: NewInstances, maxCount: number): Promise<string[]> {
  const body = { instanceSpec, maxCount };
  return result(await api.vm.POST("/v1/regions/{regionId}/instances", { params: { path: at() }, body })).instanceIds;
}

export async function updateInstance(instanceId: string, body: InstanceChange): Promise<void> {
  const params = { path: { ...at(), instanceId } };
  await api.vm.POST("/v1/regions/{regionId}/instances/{instanceId}:modifyInstanceAttribute", { params, body });
}

export type PowerAction = "rebootInstance" | "startInstance" | "stopInstance";

export async function powerInstance(instanceId: string, action: PowerAction): Promise<void> {
  await api.vm.POST(`/v1/regions/{regionId}/instances/{instanceId}:${action}`, { params: { path: { ...at(), instanceId } } });
}

export type ConsoleLog = Vm["schemas"]["ConsoleLog"];

/** Asked of the instance's host: refused while that does not answer. */
export async function consoleLog(instanceId: string): Promise<ConsoleLog> {
  const params = { path: { ...at(), instanceId } };
  return result(await api.vm.GET("/v1/regions/{regionId}/instances/{instanceId}:describeConsoleLog", { params })).consoleLog;
}

export async function deleteInstance(instanceId: string): Promise<void> {
  await api.vm.DELETE("/v1/regions/{regionId}/instances/{instanceId}", { params: { path: { ...at(), instanceId } } });
}

export async function instanceTemplates(request: PageRequest<"name" | "instanceTemplateId">): Promise<Page<InstanceTemplate>> {
  const params = { path: at(), query: pageQuery(request) };
  const found = result(await api.vm.GET("/v1/regions/{regionId}/instanceTemplates", { params }));
  return { items: found.instanceTemplates, total: found.totalCount };
}

export async function instanceTemplate(instanceTemplateId: string): Promise<InstanceTemplate> {
  const params = { path: { ...at(), instanceTemplateId } };
  return result(await api.vm.GET("/v1/regions/{regionId}/instanceTemplates/{instanceTemplateId}", { params })).instanceTemplate;
}

export async function createInstanceTemplate(body: { name: string; description: string; instanceTemplateData: TemplateData }): Promise<string> {
  return result(await api.vm.POST("/v1/regions/{regionId}/instanceTemplates", { params: { path: at() }, body })).instanceTemplateId;
}

export async function updateInstanceTemplate(instanceTemplateId: string, body: { name?: string; description?: string; instanceTemplateData?: TemplateData }): Promise<void> {
  const params = { path: { ...at(), instanceTemplateId } };
  await api.vm.PATCH("/v1/regions/{regionId}/instanceTemplates/{instanceTemplateId}", { params, body });
}

export async function deleteInstanceTemplate(instanceTemplateId: string): Promise<void> {
  const params = { path: { ...at(), instanceTemplateId } };
  await api.vm.DELETE("/v1/regions/{regionId}/instanceTemplates/{instanceTemplateId}", { params });
}

export type Image = Vm["schemas"]["Image"];
export type InstanceType = Vm["schemas"]["InstanceType"];

/** What instances can be made of. Both change with the server alone. */
export async function images(): Promise<Image[]> {
  const params = { path: at(), query: { imageSource: "public", pageSize: 100 } };
  return result(await api.vm.GET("/v1/regions/{regionId}/images", { params })).images;
}

export async function instanceTypes(): Promise<InstanceType[]> {
  return result(await api.vm.GET("/v1/regions/{regionId}/instanceTypes", { params: { path: at() } })).instanceTypes;
}
