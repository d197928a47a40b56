// Where the page of a resource is that a record names by its kind and id alone.

import { paths } from "../app/paths";
import { backend, listener, targetGroup } from "../load-balancers/api";

type Find = (id: string) => string | Promise<string>;

/** Kinds of resources that have a page, in the API's words. What belongs to a load balancer is found by asking to which one. */
const PLACES: Readonly<Record<string, Find>> = {
  accessKey: () => paths.accessKeys(),
  account: (id) => paths.account(id),
  availabilityGroup: (id) => paths.availabilityGroup(id),
  backend: async (id) => paths.backend((await backend(id)).loadBalancerId, id),
  elasticIp: (id) => paths.elasticIp(id),
  host: (id) => paths.host(id),
  instance: (id) => paths.instance(id),
  instanceTemplate: (id) => paths.instanceTemplate(id),
  listener: async (id) => paths.listener((await listener(id)).loadBalancerId, id),
  loadBalancer: (id) => paths.loadBalancer(id),
  networkAcl: (id) => paths.networkAcl(id),
  networkSecurityGroup: (id) => paths.securityGroup(id),
  subnet: (id) => paths.subnet(id),
  targetGroup: async (id) => paths.targetGroup((await targetGroup(id)).loadBalancerId, id),
  user: (id) => paths.user(id),
  vpc: (id) => paths.vpc(id),
};

export function hasPlace(kind: string): boolean {
  return Object.hasOwn(PLACES, kind);
}

/** Null: a kind that has no page. */
export async function placeOf(kind: string, id: string): Promise<string | null> {
  return hasPlace(kind) ? ((await PLACES[kind]?.(id)) ?? null) : null;
}
