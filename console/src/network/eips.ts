// Elastic IPs with the names of the load balancers that have them.

import type { Page, PageRequest } from "../api/pages";
import { loadBalancers } from "../load-balancers/api";
import { type ElasticIp, type ElasticIpFilter, elasticIps } from "./api";

export interface ListedElasticIp extends ElasticIp {
  /** Its load balancer's, or nothing. */
  balancerName: string;
}

export async function listedElasticIps(request: PageRequest<ElasticIpFilter>): Promise<Page<ListedElasticIp>> {
  const { items, total } = await elasticIps(request);
  const ids = items.map(({ instanceId }) => instanceId).filter((id) => id !== "");
  const names = await namesOf(ids);
  return { items: items.map((it) => ({ ...it, balancerName: names.get(it.instanceId) ?? it.instanceId })), total };
}

/** As many as a page of elastic IPs has, and no page is larger than this. */
const LARGEST_PAGE = 100;

async function namesOf(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map();
  const found = await loadBalancers({ pageNumber: 1, pageSize: LARGEST_PAGE, filters: [{ name: "loadBalancerIds", operator: "eq", values: ids }] });
  return new Map(found.items.map((it) => [it.loadBalancerId, it.loadBalancerName]));
}
