// All hosts of the region.

import { paths } from "../app/paths";
import { useZones } from "../app/region";
import { RouteLink } from "../app/RouteLink";
import { ResourceTable, wholeList } from "../resource/ResourceTable";
import { useMoment, useTexts } from "../texts/texts";
import { type Host, hosts } from "./api";
import { conditionOf, CONDITIONS } from "./hostState";
import { HostStatus } from "./HostStatus";
import { hostTexts } from "./texts";
import { useRoles } from "./useRoles";

type HostFilter = "az" | "condition" | "hostId" | "rack";

function valueOf(host: Host, name: HostFilter): string {
  return name === "condition" ? conditionOf(host) : host[name];
}

export function HostList() {
  const say = useTexts(hostTexts);
  const moment = useMoment();
  const zones = useZones();
  const rolesOf = useRoles();
  return (
    <ResourceTable
      table="hosts"
      variant="container"
      title={say("host.title")}
      source={wholeList<Host, HostFilter>(["hosts", "list"], hosts, (host, { name, operator, values }) =>
        values.some((value) => (operator === "like" ? valueOf(host, name).includes(value) : valueOf(host, name) === value)),
      )}
      nameFilter="hostId"
      filters={[
        { name: "hostId", label: say("field.id"), operators: [":", "="] },
        { name: "az", label: say("host.az"), operators: ["="], options: zones.map((value) => ({ value })) },
        { name: "rack", label: say("host.rack"), operators: ["="] },
        { name: "condition", label: say("host.state"), operators: ["="], options: CONDITIONS.map((value) => ({ value, label: say(`host.${value}.name`) })) },
      ]}
      id={({ hostId }) => hostId}
      name={({ hostId }) => hostId}
      columns={[
        { id: "id", header: say("field.id"), isRowHeader: true, cell: ({ hostId }) => <RouteLink href={paths.host(hostId)}>{hostId}</RouteLink> },
        { id: "state", header: say("host.state"), cell: (host) => <HostStatus host={host} /> },
        { id: "az", header: say("host.az"), cell: ({ az }) => az },
        { id: "rack", header: say("host.rack"), cell: ({ rack }) => rack },
        { id: "role", header: say("host.role"), cell: rolesOf },
        { id: "instances", header: say("host.instances"), cell: ({ instanceCount }) => instanceCount },
        { id: "generation", header: say("host.generation"), cell: ({ appliedRevision }) => appliedRevision ?? say("field.none") },
        { id: "heard", header: say("host.heard"), cell: ({ lagSeconds }) => (lagSeconds === undefined ? say("field.none") : say("host.heard.ago", { seconds: lagSeconds })) },
        { id: "underlay", header: say("host.underlay"), isExtra: true, cell: ({ underlayAddress }) => underlayAddress },
        { id: "joined", header: say("host.joined"), isExtra: true, cell: ({ createdTime }) => moment(createdTime) },
      ]}
    />
  );
}
