// What a picture of a load balancer is made of, read and kept up to date.

import { useQueries, useQuery } from "@tanstack/react-query";

import { everything } from "../../api/pages";
import { instances } from "../../compute/api";
import { metrics, type Metrics, type Subject } from "../../monitoring/api";
import { backends, type LoadBalancer, statuses, targetHealths } from "../api";
import { type Graph, graphOf, type Place, type Rates, targetKey } from "./graph";

const REFRESH_MS = 5_000;
const PLACES_MS = 60_000;
/** Averages of so many seconds: shorter ones jump. */
const STEP = 10;
/** With more targets nobody is asked what goes by each: that would be a request for every one, each time. */
const MOST_ASKED = 100;
/** Instances that are looked up with one request. */
const LOOK_UP = 50;

/** What is known last. */
function lastOf(reply: Metrics): Rates | null {
  const last = (name: string) => reply.series.find((series) => series.name === name)?.points.filter((point) => point !== null).at(-1) ?? null;
  const [connections, flows, bytes] = [last("connections"), last("flows"), last("bytes")];
  return connections === null || flows === null || bytes === null ? null : { connections, flows, bytes };
}

async function placesOf(ids: readonly string[]): Promise<ReadonlyMap<string, Place>> {
  const found = new Map<string, Place>();
  for (let first = 0; first < ids.length; first += LOOK_UP) {
    const some = await everything(instances, [{ name: "instanceId", operator: "eq", values: ids.slice(first, first + LOOK_UP) }]);
    some.forEach((it) => found.set(it.instanceId, { name: it.instanceName, az: it.az, rack: it.faultDomain }));
  }
  return found;
}

export interface Known {
  graph: Graph;
  /** Whether it is said how much goes by targets. */
  measuresTargets: boolean;
}

/** Undefined: not read yet. */
export function usePicture(balancer: LoadBalancer): { data: Known | undefined; error: unknown } {
  const { loadBalancerId: id } = balancer;
  const status = useQuery({ queryKey: ["statuses", id], queryFn: async () => (await statuses([id]))[0] ?? null, refetchInterval: REFRESH_MS });
  const services = useQuery({
    queryKey: ["backends", "all", id],
    queryFn: () => everything(backends, [{ name: "loadBalancerId", operator: "eq", values: [id] }]),
  });
  const served = services.data ?? [];
  const healths = useQueries({
    queries: served.map(({ backendId }) => ({ queryKey: ["targetHealths", backendId, "all"], queryFn: () => targetHealths(backendId), refetchInterval: REFRESH_MS })),
  });
  const targets = new Map(served.map(({ backendId }, number) => [backendId, healths[number]?.data ?? []]));
  const ids = [...new Set([...targets.values()].flat().map(({ instanceId }) => instanceId))].sort();
  const places = useQuery({ queryKey: ["places", ids], queryFn: () => placesOf(ids), refetchInterval: PLACES_MS, enabled: ids.length > 0 });

  const count = [...targets.values()].reduce((sum, some) => sum + some.length, 0);
  const measuresTargets = count <= MOST_ASKED;
  const listeners = status.data?.listeners ?? [];
  const measured: { key: string; subject: Subject }[] = [
    ...listeners.map(({ listenerId }) => ({ key: listenerId, subject: { resourceType: "listener" as const, resourceId: listenerId } })),
    ...(measuresTargets ? [...targets] : []).flatMap(([backendId, some]) =>
      some.map(({ instanceId }) => ({ key: targetKey(backendId, instanceId), subject: { resourceType: "target" as const, resourceId: backendId, instanceId } })),
    ),
  ];
  const told = useQueries({
    queries: measured.map(({ key, subject }) => ({ queryKey: ["rates", key], queryFn: async () => lastOf(await metrics(subject, STEP)), refetchInterval: REFRESH_MS })),
  });
  const rates = new Map<string, Rates>();
  measured.forEach(({ key }, number) => {
    const known = told[number]?.data ?? null;
    if (known !== null) rates.set(key, known);
  });

  const error = status.error ?? services.error ?? healths.find((one) => one.error !== null)?.error ?? null;
  const isPending = status.isPending || services.isPending || healths.some((one) => one.isPending) || (ids.length > 0 && places.isPending);
  if (isPending) return { data: undefined, error };
  const graph = graphOf({
    balancer: { id, name: balancer.loadBalancerName, vip: balancer.privateIp.privateIpAddress, isOn: balancer.state.code === "ACTIVE" },
    listeners,
    backends: served,
    targets,
    places: places.data ?? new Map(),
    rates,
  });
  return { data: { graph, measuresTargets }, error };
}
