// Hosts of the region, as the API has them: for who operates it.

import { api, result } from "../api/client";
import type { components } from "../api/schema/dnlb";
import { regionId } from "../app/settings";
import { events } from "../records/api";

export type Host = components["schemas"]["Host"];

export async function hosts(): Promise<Host[]> {
  return result(await api.dnlb.GET("/v1/regions/{regionId}/hosts", { params: { path: { regionId: regionId() } } })).hosts;
}

/** What changes whether a host is heard of. */
const TURNS = ["HostJoined", "HostUp", "HostDown"];

/** Since when it is in its state, as far as that is remembered. */
export async function inStateSince(hostId: string): Promise<string | null> {
  const filters = [
    { name: "resourceId", operator: "eq", values: [hostId] },
    { name: "kind", operator: "eq", values: TURNS },
  ] as const;
  const { items } = await events({ filters, maxResults: 1, nextToken: "" }, {});
  return items[0]?.time ?? null;
}
