// What keeps parts of a network from being deleted, by name and with the way there.

import { everything, type Filter, type Page, type PageRequest } from "../api/pages";
import { paths } from "../app/paths";
import { instances, instanceTemplates } from "../compute/api";
import { loadBalancers } from "../load-balancers/api";
import { hasPlace } from "../records/places";
import type { User } from "../resource/DeleteDialog";
import type { Say } from "../texts/texts";
import { networkAcls, type SecurityGroup, securityGroups, type Subnet, subnets } from "./api";
import { instancesOfGroup } from "./members";
import type { NetworkKey } from "./texts";

/** As many of a kind as are named; the others are counted. */
const NAMED = 10;

function named(kind: string, id: string, text: string): User {
  return hasPlace(kind) ? { text, href: paths.resource(kind, id) } : { text };
}

function few(users: readonly User[], total: number, say: Say<NetworkKey>): User[] {
  const shown = users.slice(0, NAMED);
  return total > shown.length ? [...shown, { text: say("net.more", { count: total - shown.length }) }] : shown;
}

async function firstFew<Item, Name extends string>(
  page: (request: PageRequest<Name>) => Promise<Page<Item>>,
  filters: readonly Filter<Name>[],
  user: (item: Item) => User,
  say: Say<NetworkKey>,
): Promise<User[]> {
  const { items, total } = await page({ pageNumber: 1, pageSize: NAMED, filters });
  return few(items.map(user), total, say);
}

export async function usersOfVpc(vpcId: string, say: Say<NetworkKey>): Promise<User[]> {
  const filters = [{ name: "vpcId", operator: "eq", values: [vpcId] }] as const;
  const found = await Promise.all([
    firstFew(subnets, filters, (it) => named("subnet", it.subnetId, say("subnet.named", { name: it.subnetName })), say),
    firstFew(securityGroups, filters, (it) => named("networkSecurityGroup", it.networkSecurityGroupId, say("group.named", { name: it.networkSecurityGroupName })), say),
    firstFew(networkAcls, filters, (it) => named("networkAcl", it.networkAclId, say("acl.named", { name: it.networkAclName })), say),
  ]);
  return found.flat();
}

export async function usersOfSubnet({ subnetId, vpcId }: Subnet, say: Say<NetworkKey>): Promise<User[]> {
  const [balancers, ofInstances, templates] = await Promise.all([
    everything(loadBalancers, [{ name: "vpcId", operator: "eq", values: [vpcId] }]),
    firstFew(
      instances,
      [{ name: "subnetId", operator: "eq", values: [subnetId] }],
      (it) => named("instance", it.instanceId, say("used.instance", { name: it.instanceName })),
      say,
    ),
    everything(instanceTemplates),
  ]);
  const ofBalancers = balancers
    .filter((it) => it.subnetId === subnetId)
    .map((it) => named("loadBalancer", it.loadBalancerId, say("used.balancer", { name: it.loadBalancerName })));
  const ofTemplates = templates
    .filter((it) => it.instanceTemplateData.primaryNetworkInterface.networkInterface.subnetId === subnetId)
    .map((it) => named("instanceTemplate", it.id, say("used.template", { name: it.name })));
  return [...few(ofBalancers, ofBalancers.length, say), ...ofInstances, ...few(ofTemplates, ofTemplates.length, say)];
}

export async function usersOfGroup(group: SecurityGroup, say: Say<NetworkKey>): Promise<User[]> {
  const [members, templates] = await Promise.all([instancesOfGroup(group), everything(instanceTemplates)]);
  const ofInstances = members.map((it) => named("instance", it.instanceId, say("used.instance", { name: it.instanceName })));
  const ofTemplates = templates
    .filter((it) => it.instanceTemplateData.primaryNetworkInterface.networkInterface.securityGroups.includes(group.networkSecurityGroupId))
    .map((it) => named("instanceTemplate", it.id, say("used.template", { name: it.name })));
  return [...few(ofInstances, ofInstances.length, say), ...few(ofTemplates, ofTemplates.length, say)];
}

export async function usersOfAcl(networkAclId: string, say: Say<NetworkKey>): Promise<User[]> {
  const filters = [{ name: "aclId", operator: "eq", values: [networkAclId] }] as const;
  return firstFew(subnets, filters, (it) => named("subnet", it.subnetId, say("subnet.named", { name: it.subnetName })), say);
}
