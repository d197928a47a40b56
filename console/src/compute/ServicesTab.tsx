// Backend services that send connections to an availability group.

import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { HealthSummary } from "../load-balancers/HealthSummary";
import { ResourceTable, wholeList } from "../resource/ResourceTable";
import { useTexts } from "../texts/texts";
import { healthOf } from "./healthOfServices";
import { type Service, servicesOfGroups } from "./serving";
import { computeTexts } from "./texts";

export function ServicesTab({ agId }: { agId: string }) {
  const say = useTexts(computeTexts);
  return (
    <ResourceTable
      table="servicesOfGroup"
      variant="container"
      title={say("ag.services")}
      description={say("ag.services.description")}
      source={wholeList(["services", agId], () => servicesOfGroups([agId]))}
      id={({ backend }: Service) => backend.backendId}
      name={({ backend }) => backend.backendName}
      columns={[
        {
          id: "name",
          header: say("field.name"),
          isRowHeader: true,
          cell: ({ backend: it }) => <RouteLink href={paths.backend(it.loadBalancerId, it.backendId)}>{it.backendName}</RouteLink>,
        },
        {
          id: "balancer",
          header: say("ag.services.balancer"),
          cell: ({ backend: it, loadBalancerName }) => <RouteLink href={paths.loadBalancer(it.loadBalancerId, "backends")}>{loadBalancerName}</RouteLink>,
        },
        { id: "at", header: say("ag.services.at"), cell: ({ backend: it }) => say("ag.services.port", { protocol: it.protocol.toUpperCase(), port: it.port }) },
        {
          id: "listeners",
          header: say("ag.services.listeners"),
          cell: ({ listeners }) =>
            listeners.length === 0
              ? say("ag.noListener")
              : listeners.map((it) => `${it.listenerName} (${say("ag.services.port", { protocol: it.protocol.toUpperCase(), port: it.port })})`).join(", "),
        },
        {
          id: "health",
          header: say("ag.health"),
          cell: (it) => {
            const health = healthOf(it);
            return health === null ? say("field.none") : <HealthSummary {...health} />;
          },
        },
      ]}
    />
  );
}
