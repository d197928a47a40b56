// What belongs to the region as a whole.

import { useQuery } from "@tanstack/react-query";

import { api, result } from "../api/client";
import { regionId } from "./settings";

/** A filter that lets no load balancer through: the zones are all that is asked for. */
const NO_BALANCERS = { "filters.1.name": "loadBalancerIds", "filters.1.values.1": "-" } as const;

/** The region's availability zones. They change when the server is started anew. */
export function useZones(): readonly string[] {
  const { data } = useQuery({
    queryKey: ["zones"],
    refetchInterval: false,
    queryFn: async () =>
      result(await api.dnlb.GET("/v1/regions/{regionId}/status", { params: { path: { regionId: regionId() }, query: NO_BALANCERS } })).status.azs,
  });
  return data ?? [];
}
