// Networks and public addresses, as the API has them.

import { api, result } from "../api/client";
import { type Page, pageQuery, type PageRequest } from "../api/pages";
import type { components } from "../api/schema/vpc";
import { regionId } from "../app/settings";

export type Vpc = components["schemas"]["Vpc"];
export type Subnet = components["schemas"]["Subnet"];
export type ElasticIp = components["schemas"]["ElasticIp"];
export type SecurityGroup = components["schemas"]["NetworkSecurityGroup"];
export type SecurityGroupRule = components["schemas"]["SecurityGroupRule"];
export type NetworkAcl = components["schemas"]["NetworkAcl"];
export type NetworkAclRule = components["schemas"]["NetworkAclRule"];

function at(): { regionId: string } {
  return { regionId: regionId() };
}

export type VpcFilter = "vpcIds" | "vpcNames";

export async function vpcs(request: PageRequest<VpcFilter>): Promise<Page<Vpc>> {
  const path = at();
  const found = result(await api.vpc.GET("/v1/regions/{regionId}/vpcs", { params: { path, query: pageQuery(request) } }));
  return { items: found.vpcs, total: found.totalCount };
}

export async function vpc(vpcId: string): Promise<Vpc> {
  const path = { ...at(), vpcId };
  return result(await api.vpc.GET("/v1/regions/{regionId}/vpcs/{vpcId}", { params: { path } })).vpc;
}

export async function createVpc(body: components["schemas"]["CreateVpc"]): Promise<string> {
  return result(await api.vpc.POST("/v1/regions/{regionId}/vpcs", { params: { path: at() }, body })).vpcId;
}

export async function updateVpc(vpcId: string, body: components["schemas"]["ModifyVpc"]): Promise<void> {
  await api.vpc.PATCH("/v1/regions/{regionId}/vpcs/{vpcId}", { params: { path: { ...at(), vpcId } }, body });
}

export async function deleteVpc(vpcId: string): Promise<void> {
  await api.vpc.DELETE("/v1/regions/{regionId}/vpcs/{vpcId}", { params: { path: { ...at(), vpcId } } });
}

export type SubnetFilter = "subnetIds" | "subnetNames" | "vpcId" | "aclId";

export async function subnets(request: PageRequest<SubnetFilter>): Promise<Page<Subnet>> {
  const path = at();
  const found = result(await api.vpc.GET("/v1/regions/{regionId}/subnets", { params: { path, query: pageQuery(request) } }));
  return { items: found.subnets, total: found.totalCount };
}

export async function subnet(subnetId: string): Promise<Subnet> {
  const path = { ...at(), subnetId };
  return result(await api.vpc.GET("/v1/regions/{regionId}/subnets/{subnetId}", { params: { path } })).subnet;
}

export async function createSubnet(body: components["schemas"]["CreateSubnet"]): Promise<string> {
  return result(await api.vpc.POST("/v1/regions/{regionId}/subnets", { params: { path: at() }, body })).subnetId;
}

export async function updateSubnet(subnetId: string, body: components["schemas"]["ModifySubnet"]): Promise<void> {
  await api.vpc.PATCH("/v1/regions/{regionId}/subnets/{subnetId}", { params: { path: { ...at(), subnetId } }, body });
}

export async function deleteSubnet(subnetId: string): Promise<void> {
  await api.vpc.DELETE("/v1/regions/{regionId}/subnets/{subnetId}", { params: { path: { ...at(), subnetId } } });
}

export type SecurityGroupFilter = "networkSecurityGroupIds" | "networkSecurityGroupNames" | "vpcId";

export async function securityGroups(request: PageRequest<SecurityGroupFilter>): Promise<Page<SecurityGroup>> {
  const params = { path: at(), query: pageQuery(request) };
  const found = result(await api.vpc.GET("/v1/regions/{regionId}/networkSecurityGroups", { params }));
  return { items: found.networkSecurityGroups, total: found.totalCount };
}

export async function securityGroup(networkSecurityGroupId: string): Promise<SecurityGroup> {
  const params = { path: { ...at(), networkSecurityGroupId } };
  return result(await api.vpc.GET("/v1/regions/{regionId}/networkSecurityGroups/{networkSecurityGroupId}", { params })).networkSecurityGroup;
}

export async function createSecurityGroup(body: components["schemas"]["CreateNetworkSecurityGroup"]): Promise<string> {
  return result(await api.vpc.POST("/v1/regions/{regionId}/networkSecurityGroups", { params: { path: at() }, body })).networkSecurityGroupId;
}

export async function updateSecurityGroup(networkSecurityGroupId: string, body: components["schemas"]["ModifyNetworkSecurityGroup"]): Promise<void> {
  const params = { path: { ...at(), networkSecurityGroupId } };
  await api.vpc.PATCH("/v1/regions/{regionId}/networkSecurityGroups/{networkSecurityGroupId}", { params, body });
}

export async function deleteSecurityGroup(networkSecurityGroupId: string): Promise<void> {
  const params = { path: { ...at(), networkSecurityGroupId } };
  await api.vpc.DELETE("/v1/regions/{regionId}/networkSecurityGroups/{networkSecurityGroupId}", { params });
}

export async function addGroupRule(networkSecurityGroupId: string, rule: Omit<components["schemas"]["SecurityGroupRuleSpec"], "priority">): Promise<void> {
  await api.vpc.POST("/v1/regions/{regionId}/networkSecurityGroups/{networkSecurityGroupId}:addNetworkSecurityGroupRules", {
    params: { path: { ...at(), networkSecurityGroupId } },
    body: { networkSecurityGroupRuleSpecs: [rule] },
  });
}

export async function updateGroupRule(networkSecurityGroupId: string, rule: Omit<components["schemas"]["SecurityGroupRuleChange"], "priority">): Promise<void> {
  await api.vpc.POST("/v1/regions/{regionId}/networkSecurityGroups/{networkSecurityGroupId}:modifyNetworkSecurityGroupRules", {
    params: { path: { ...at(), networkSecurityGroupId } },
    body: { modifySecurityGroupRuleSpecs: [rule] },
  });
}

export async function removeGroupRule(networkSecurityGroupId: string, ruleId: string): Promise<void> {
  await api.vpc.POST("/v1/regions/{regionId}/networkSecurityGroups/{networkSecurityGroupId}:removeNetworkSecurityGroupRules", {
    params: { path: { ...at(), networkSecurityGroupId } },
    body: { ruleIds: [ruleId] },
  });
}

export type AclFilter = "networkAclIds" | "networkAclNames" | "vpcId";

export async function networkAcls(request: PageRequest<AclFilter>): Promise<Page<NetworkAcl>> {
  const params = { path: at(), query: pageQuery(request) };
  const found = result(await api.vpc.GET("/v1/regions/{regionId}/networkAcls", { params }));
  return { items: found.networkAcls, total: found.totalCount };
}

export async function networkAcl(networkAclId: string): Promise<NetworkAcl> {
  const params = { path: { ...at(), networkAclId } };
  return result(await api.vpc.GET("/v1/regions/{regionId}/networkAcls/{networkAclId}", { params })).networkAcl;
}

export async function createNetworkAcl(body: components["schemas"]["CreateNetworkAcl"]): Promise<string> {
  return result(await api.vpc.POST("/v1/regions/{regionId}/networkAcls", { params: { path: at() }, body })).networkAclId;
}

export async function updateNetworkAcl(networkAclId: string, body: components["schemas"]["ModifyNetworkAcl"]): Promise<void> {
  await api.vpc.PATCH("/v1/regions/{regionId}/networkAcls/{networkAclId}", { params: { path: { ...at(), networkAclId } }, body });
}

export async function deleteNetworkAcl(networkAclId: string): Promise<void> {
  await api.vpc.DELETE("/v1/regions/{regionId}/networkAcls/{networkAclId}", { params: { path: { ...at(), networkAclId } } });
}

export async function addAclRule(networkAclId: string, rule: components["schemas"]["NetworkAclRuleSpec"]): Promise<void> {
  await api.vpc.POST("/v1/regions/{regionId}/networkAcls/{networkAclId}:addNetworkAclRules", {
    params: { path: { ...at(), networkAclId } },
    body: { networkAclRuleSpecs: [rule] },
  });
}

export async function updateAclRule(networkAclId: string, rule: components["schemas"]["NetworkAclRuleChange"]): Promise<void> {
  await api.vpc.POST("/v1/regions/{regionId}/networkAcls/{networkAclId}:modifyNetworkAclRules", {
    params: { path: { ...at(), networkAclId } },
    body: { modifyNetworkAclRuleSpecs: [rule] },
  });
}

export async function removeAclRule(networkAclId: string, ruleId: string): Promise<void> {
  await api.vpc.POST("/v1/regions/{regionId}/networkAcls/{networkAclId}:removeNetworkAclRules", {
    params: { path: { ...at(), networkAclId } },
    body: { ruleIds: [ruleId] },
  });
}

/** Subnets that have another one lose that. */
export async function associateAcl(networkAclId: string, subnetIds: string[]): Promise<void> {
  await api.vpc.POST("/v1/regions/{regionId}/networkAcls/{networkAclId}:associateNetworkAcl", {
    params: { path: { ...at(), networkAclId } },
    body: { subnetIds },
  });
}

export async function disassociateAcl(networkAclId: string, subnetId: string): Promise<void> {
  await api.vpc.POST("/v1/regions/{regionId}/networkAcls/{networkAclId}:disassociateNetworkAcl", {
    params: { path: { ...at(), networkAclId } },
    body: { subnetId },
  });
}

export type ElasticIpFilter = "elasticIpIds" | "elasticIpAddress" | "status" | "ipVersion";

export async function elasticIps(request: PageRequest<ElasticIpFilter>): Promise<Page<ElasticIp>> {
  const path = at();
  const found = result(await api.vpc.GET("/v1/regions/{regionId}/elasticIps", { params: { path, query: pageQuery(request) } }));
  return { items: found.elasticIps, total: found.totalCount };
}

export async function elasticIp(elasticIpId: string): Promise<ElasticIp> {
  const params = { path: { ...at(), elasticIpId } };
  return result(await api.vpc.GET("/v1/regions/{regionId}/elasticIps/{elasticIpId}", { params })).elasticIp;
}

export async function createElasticIps(body: components["schemas"]["CreateElasticIps"]): Promise<string[]> {
  return result(await api.vpc.POST("/v1/regions/{regionId}/elasticIps", { params: { path: at() }, body })).elasticIpIds;
}

export async function updateElasticIp(elasticIpId: string, bandwidthMbps: number): Promise<void> {
  const params = { path: { ...at(), elasticIpId } };
  await api.vpc.PATCH("/v1/regions/{regionId}/elasticIps/{elasticIpId}", { params, body: { bandwidthMbps } });
}

export async function deleteElasticIp(elasticIpId: string): Promise<void> {
  await api.vpc.DELETE("/v1/regions/{regionId}/elasticIps/{elasticIpId}", { params: { path: { ...at(), elasticIpId } } });
}

/** Whether an address is of IPv6. */
export function isSix(address: string): boolean {
  return address.includes(":");
}
