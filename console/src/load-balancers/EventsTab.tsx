// What has happened by itself to a load balancer's backend services.

import { useQuery } from "@tanstack/react-query";

import { everything } from "../api/pages";
import { EventsTable } from "../records/EventsTable";
import { useTexts } from "../texts/texts";
import { backends, type LoadBalancer } from "./api";
import { lbTexts } from "./texts";

export function EventsTab({ balancer }: { balancer: LoadBalancer }) {
  const say = useTexts(lbTexts);
  const { loadBalancerId, loadBalancerName } = balancer;
  const { data } = useQuery({
    queryKey: ["backends", "all", loadBalancerId],
    queryFn: () => everything(backends, [{ name: "loadBalancerId", operator: "eq", values: [loadBalancerId] }]),
  });
  const names = new Map([[loadBalancerId, loadBalancerName], ...(data ?? []).map((it) => [it.backendId, it.backendName] as const)]);
  return <EventsTable table="loadBalancerEvents" variant="container" description={say("events.description")} of={names} />;
}
