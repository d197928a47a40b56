// How the backend services that an instance serves see it.

import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { TargetStatus } from "../load-balancers/TargetStatus";
import { ResourceTable, wholeList } from "../resource/ResourceTable";
import { useMoment, useTexts } from "../texts/texts";
import type { Instance } from "./api";
import { healthOfInstance, type SeenHealth } from "./instanceHealth";
import { computeTexts } from "./texts";

export function InstanceHealthTab({ it }: { it: Instance }) {
  const say = useTexts(computeTexts);
  const moment = useMoment();
  return (
    <ResourceTable
      table="healthOfInstance"
      variant="container"
      title={say("ag.health")}
      description={say("instance.health.description")}
      source={wholeList(["healthOfInstance", it.instanceId], () => healthOfInstance(it))}
      id={({ backend }: SeenHealth) => backend.backendId}
      name={({ backend }) => backend.backendName}
      columns={[
        {
          id: "name",
          header: say("instance.health.service"),
          isRowHeader: true,
          cell: ({ backend }) => <RouteLink href={paths.backend(backend.loadBalancerId, backend.backendId)}>{backend.backendName}</RouteLink>,
        },
        {
          id: "balancer",
          header: say("ag.services.balancer"),
          cell: ({ backend, loadBalancerName }) => <RouteLink href={paths.loadBalancer(backend.loadBalancerId, "backends")}>{loadBalancerName}</RouteLink>,
        },
        { id: "port", header: say("ag.services.at"), cell: ({ backend, health }) => say("ag.services.port", { protocol: backend.protocol.toUpperCase(), port: health.port }) },
        { id: "status", header: say("instance.state"), cell: ({ health }) => <TargetStatus status={health.status} /> },
        { id: "since", header: say("instance.health.since"), cell: ({ health }) => (health.sinceTime === undefined ? say("field.none") : moment(health.sinceTime)) },
        { id: "reason", header: say("instance.health.reason"), cell: ({ health }) => health.unhealthReason?.detail ?? say("field.none") },
        { id: "weight", header: say("instance.health.weight"), cell: ({ health }) => health.weight },
      ]}
    />
  );
}
