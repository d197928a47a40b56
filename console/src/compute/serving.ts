// Backend services that send connections to availability groups, and how well that goes.

import { everything } from "../api/pages";
import { type Backend, backends, type ListenerStatus, statuses } from "../load-balancers/api";

export interface Service {
  backend: Backend;
  loadBalancerName: string;
  /** Those that it serves. Without one it gets no connections, and nobody counts its targets. */
  listeners: readonly ListenerStatus[];
}

export async function servicesOfGroups(agIds: readonly string[]): Promise<Service[]> {
  if (agIds.length === 0) return [];
  const found = await everything(backends, [{ name: "agId", operator: "eq", values: agIds }]);
  const told = await statuses([...new Set(found.map(({ loadBalancerId }) => loadBalancerId))]);
  return found.map((backend) => {
    const balancer = told.find(({ loadBalancerId }) => loadBalancerId === backend.loadBalancerId);
    return {
      backend,
      loadBalancerName: balancer?.loadBalancerName ?? backend.loadBalancerId,
      listeners: (balancer?.listeners ?? []).filter(({ backendId }) => backendId === backend.backendId),
    };
  });
}
