// How the backend services that an instance serves see it.

import { everything, type PageRequest } from "../api/pages";
import { type Backend, backends, loadBalancers, statuses, type TargetFilter, type TargetHealth, targetHealths, targets } from "../load-balancers/api";
import type { Instance } from "./api";
import { servicesOfGroups } from "./serving";

export interface SeenHealth {
  backend: Backend;
  loadBalancerName: string;
  health: TargetHealth;
}

type Served = Pick<SeenHealth, "backend" | "loadBalancerName">;

/** As many requests at once as a browser sends. */
const AT_ONCE = 6;

async function inTurns<Item, Answer>(items: readonly Item[], ask: (item: Item) => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let first = 0; first < items.length; first += AT_ONCE) answers.push(...(await Promise.all(items.slice(first, first + AT_ONCE).map(ask))));
  return answers;
}

/** Services with a virtual server group that the instance is in. The API finds them by their load balancers alone: those of its VPC, with listeners. */
async function servicesOfTarget({ instanceId, vpcId }: Instance): Promise<Served[]> {
  const balancers = await everything(loadBalancers, [{ name: "vpcId", operator: "eq", values: [vpcId] }]);
  const told = await statuses(balancers.map(({ loadBalancerId }) => loadBalancerId));
  const groupIds = [...new Set(told.flatMap(({ listeners }) => listeners.flatMap(({ targetGroupId }) => targetGroupId ?? [])))];
  const isIn = await inTurns(groupIds, async (groupId) => {
    const found = await everything(
      (request: PageRequest<TargetFilter>) => targets(groupId, request),
      [{ name: "instanceId", operator: "eq", values: [instanceId] }],
    );
    return found.length > 0;
  });
  const own = groupIds.filter((_, place) => isIn[place]);
  const backendIds = told.flatMap(({ listeners }) =>
    listeners.filter(({ targetGroupId }) => targetGroupId !== undefined && own.includes(targetGroupId)).map(({ backendId }) => backendId),
  );
  if (backendIds.length === 0) return [];
  const found = await everything(backends, [{ name: "backendIds", operator: "eq", values: [...new Set(backendIds)] }]);
  return found.map((backend) => ({
    backend,
    loadBalancerName: told.find(({ loadBalancerId }) => loadBalancerId === backend.loadBalancerId)?.loadBalancerName ?? backend.loadBalancerId,
  }));
}

export async function healthOfInstance(it: Instance): Promise<SeenHealth[]> {
  const [ofGroup, ofTarget] = await Promise.all([servicesOfGroups(it.ag === undefined ? [] : [it.ag.id]), servicesOfTarget(it)]);
  const seen = await inTurns([...ofGroup, ...ofTarget], async ({ backend, loadBalancerName }) => {
    const health = (await targetHealths(backend.backendId)).find(({ instanceId }) => instanceId === it.instanceId);
    return health === undefined ? [] : [{ backend, loadBalancerName, health }];
  });
  return seen.flat();
}
