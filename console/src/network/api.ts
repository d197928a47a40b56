// VPCs, subnets and elastic IPs, as the API has them.

import { api, result } from "../api/client";
import { type Page, pageQuery, type PageRequest } from "../api/pages";
import type { components } from "../api/schema/vpc";
import { regionId } from "../app/settings";

export type Vpc = components["schemas"]["Vpc"];
export type Subnet = components["schemas"]["Subnet"];
export type ElasticIp = components["schemas"]["ElasticIp"];

export async function vpcs(request: PageRequest<"vpcIds" | "vpcNames">): Promise<Page<Vpc>> {
  const path = { regionId: regionId() };
  const found = result(await api.vpc.GET("/v1/regions/{regionId}/vpcs", { params: { path, query: pageQuery(request) } }));
  return { items: found.vpcs, total: found.totalCount };
}

export async function vpc(vpcId: string): Promise<Vpc> {
  const path = { regionId: regionId(), vpcId };
  return result(await api.vpc.GET("/v1/regions/{regionId}/vpcs/{vpcId}", { params: { path } })).vpc;
}

export async function subnets(request: PageRequest<"subnetIds" | "subnetNames" | "vpcId">): Promise<Page<Subnet>> {
  const path = { regionId: regionId() };
  const found = result(await api.vpc.GET("/v1/regions/{regionId}/subnets", { params: { path, query: pageQuery(request) } }));
  return { items: found.subnets, total: found.totalCount };
}

export async function subnet(subnetId: string): Promise<Subnet> {
  const path = { regionId: regionId(), subnetId };
  return result(await api.vpc.GET("/v1/regions/{regionId}/subnets/{subnetId}", { params: { path } })).subnet;
}

export async function elasticIps(request: PageRequest<"elasticIpIds" | "elasticIpAddress" | "status">): Promise<Page<ElasticIp>> {
  const path = { regionId: regionId() };
  const found = result(await api.vpc.GET("/v1/regions/{regionId}/elasticIps", { params: { path, query: pageQuery(request) } }));
  return { items: found.elasticIps, total: found.totalCount };
}

export async function createElasticIp(bandwidthMbps: number, ipVersion: 4 | 6): Promise<string> {
  const found = result(
    await api.vpc.POST("/v1/regions/{regionId}/elasticIps", {
      params: { path: { regionId: regionId() } },
      body: { maxCount: 1, elasticIpSpec: { bandwidthMbps }, ipVersion },
    }),
  );
  const [id] = found.elasticIpIds;
  if (id === undefined) throw new Error("the server made no elastic IP");
  return id;
}

export async function deleteElasticIp(elasticIpId: string): Promise<void> {
  await api.vpc.DELETE("/v1/regions/{regionId}/elasticIps/{elasticIpId}", { params: { path: { regionId: regionId(), elasticIpId } } });
}

/** Whether an address is of IPv6. */
export function isSix(address: string): boolean {
  return address.includes(":");
}
