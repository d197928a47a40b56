// Where pages are. Cloudscape's components take addresses as text, so text is what everybody passes on.

import type { Asked } from "../explain/asked";

/** The server serves the console below it. */
export const BASE = "/console";

function at(...parts: readonly string[]): string {
  return [BASE, ...parts.map(encodeURIComponent)].join("/");
}

function query(asked: Readonly<Record<string, string>>): string {
  const text = new URLSearchParams(asked).toString();
  return text === "" ? "" : `?${text}`;
}

export const paths = {
  loadBalancers: () => at("load-balancers"),
  createLoadBalancer: () => at("load-balancers", "create"),
  loadBalancer: (id: string, tab?: string) => at("load-balancers", id) + (tab === undefined ? "" : `?tab=${tab}`),
  createListener: (id: string) => at("load-balancers", id, "listeners", "create"),
  listener: (id: string, listenerId: string) => at("load-balancers", id, "listeners", listenerId),
  backend: (id: string, backendId: string) => at("load-balancers", id, "backends", backendId),
  target: (id: string, backendId: string, instanceId: string) => at("load-balancers", id, "backends", backendId, "targets", instanceId),
  targetGroup: (id: string, groupId: string) => at("load-balancers", id, "target-groups", groupId),
  vpcs: () => at("vpcs"),
  vpc: (id: string) => at("vpcs", id),
  subnets: () => at("subnets"),
  subnet: (id: string) => at("subnets", id),
  securityGroups: () => at("security-groups"),
  securityGroup: (id: string) => at("security-groups", id),
  networkAcls: () => at("network-acls"),
  networkAcl: (id: string) => at("network-acls", id),
  elasticIps: () => at("elastic-ips"),
  elasticIp: (id: string) => at("elastic-ips", id),
  availabilityGroups: () => at("availability-groups"),
  createAvailabilityGroup: () => at("availability-groups", "create"),
  availabilityGroup: (id: string) => at("availability-groups", id),
  instances: () => at("instances"),
  instance: (id: string) => at("instances", id),
  instanceTemplates: () => at("instance-templates"),
  createInstanceTemplate: () => at("instance-templates", "create"),
  instanceTemplate: (id: string) => at("instance-templates", id),
  editInstanceTemplate: (id: string) => at("instance-templates", id, "edit"),
  hosts: (tab?: string) => at("hosts") + (tab === undefined ? "" : `?tab=${tab}`),
  host: (id: string) => at("hosts", id),
  /** Of a flow of which some is known already. */
  explain: (asked: Asked = {}) => at("explain") + query(asked),
  users: () => at("users"),
  user: (id: string) => at("users", id),
  accounts: () => at("accounts"),
  account: (id: string) => at("accounts", id),
  accessKeys: () => at("access-keys"),
  auditRecords: (asked: { userName?: string; resourceId?: string } = {}) => at("audit-records") + query(asked),
  events: (asked: { resourceId?: string } = {}) => at("events") + query(asked),
  /** Of a resource that is known by its kind and id alone: leads on to its page. */
  resource: (kind: string, id: string) => at("resources", kind, id),
};
