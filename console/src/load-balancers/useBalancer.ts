// The load balancer that a page is about, from the page's address.

import { useQuery, type UseQueryResult } from "@tanstack/react-query";

import { everything } from "../api/pages";
import { useParameter } from "../app/parameter";
import { paths } from "../app/paths";
import type { Crumb } from "../app/place";
import { availabilityGroups } from "../compute/api";
import { versionOf } from "../network/addresses";
import { useTexts } from "../texts/texts";
import { type Backend, loadBalancer, type LoadBalancer, targetGroups } from "./api";
import { lbTexts } from "./texts";

export function useBalancer(): UseQueryResult<LoadBalancer> {
  const id = useParameter("loadBalancerId");
  return useQuery({ queryKey: ["loadBalancer", id], queryFn: () => loadBalancer(id) });
}

export function useBalancerCrumbs(balancer: LoadBalancer | undefined, id: string, tab?: string): Crumb[] {
  const say = useTexts(lbTexts);
  return [
    { text: say("lb.title"), href: paths.loadBalancers() },
    { text: balancer?.loadBalancerName ?? id, href: paths.loadBalancer(id, tab) },
  ];
}

export interface ServerGroups {
  isPending: boolean;
  /** Availability groups of the VPC, with addresses of the VIP's family. */
  ags: readonly { id: string; name: string; count: number }[];
  targetGroups: readonly { id: string; name: string }[];
}

/** The server groups that backend services of a load balancer may have: availability groups of its VPC and address family, and its own target groups. */
export function useServerGroups(balancer: Pick<LoadBalancer, "loadBalancerId" | "privateIp" | "vpcId">): ServerGroups {
  const { loadBalancerId, vpcId } = balancer;
  const ags = useQuery({
    queryKey: ["ags", "vpc", vpcId],
    queryFn: () => everything(availabilityGroups, [{ name: "vpcId", operator: "eq", values: [vpcId] }]),
  });
  const groups = useQuery({
    queryKey: ["targetGroups", "of", loadBalancerId],
    queryFn: () => everything(targetGroups, [{ name: "loadBalancerId", operator: "eq", values: [loadBalancerId] }]),
  });
  return {
    isPending: ags.isPending || groups.isPending,
    ags: (ags.data ?? []).filter(({ ipVersion }) => ipVersion === versionOf(balancer.privateIp.privateIpAddress)).map(({ id, name, count }) => ({ id, name, count })),
    targetGroups: (groups.data ?? []).map((group) => ({ id: group.targetGroupId, name: group.targetGroupName })),
  };
}

/** Which server group this is and what it is called; of the two kinds at most one. */
export function namedGroup(agId: string | undefined, targetGroupId: string | undefined, groups: ServerGroups): { kind: "ag" | "targetGroup"; name: string } | null {
  if (agId !== undefined) return { kind: "ag", name: groups.ags.find(({ id }) => id === agId)?.name ?? agId };
  if (targetGroupId !== undefined) return { kind: "targetGroup", name: groups.targetGroups.find(({ id }) => id === targetGroupId)?.name ?? targetGroupId };
  return null;
}

/** What a backend service's server group is called. */
export function nameOfGroup(backend: Pick<Backend, "agIds" | "targetGroupIds">, groups: ServerGroups): string | null {
  return namedGroup(backend.agIds[0], backend.targetGroupIds[0], groups)?.name ?? null;
}
