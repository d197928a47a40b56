// One host: whether it is heard of, whether it shows the region as it is, and what it carries.

import { useQuery } from "@tanstack/react-query";

import { Missing } from "../app/Outcome";
import { useParameter } from "../app/parameter";
import { paths } from "../app/paths";
import { InstancesTable } from "../compute/InstancesTable";
import { Monitoring } from "../monitoring/Monitoring";
import { EventsTable } from "../records/EventsTable";
import { Copyable } from "../resource/Copyable";
import { Described, DescribePage } from "../resource/DescribePage";
import { useMoment, useTexts } from "../texts/texts";
import { type Host, hosts, inStateSince } from "./api";
import { behindBy } from "./hostState";
import { HostStatus } from "./HostStatus";
import { hostTexts } from "./texts";
import { useRoles } from "./useRoles";

export function HostPage() {
  const id = useParameter("hostId");
  const query = useQuery({ queryKey: ["hosts"], queryFn: hosts });
  return (
    <Described query={query} back={paths.hosts()}>
      {(all) => {
        const host = all.find(({ hostId }) => hostId === id);
        return host === undefined ? <Missing back={paths.hosts()} /> : <One key={id} host={host} />;
      }}
    </Described>
  );
}

function One({ host }: { host: Host }) {
  const say = useTexts(hostTexts);
  const moment = useMoment();
  const rolesOf = useRoles();
  const { hostId, appliedRevision, wantedRevision, lagSeconds } = host;
  const since = useQuery({ queryKey: ["hosts", hostId, "since", host.state], queryFn: () => inStateSince(hostId) });
  const behind = behindBy(host);
  return (
    <DescribePage
      title={hostId}
      crumbs={[
        { text: say("host.title"), href: paths.hosts() },
        { text: hostId, href: paths.host(hostId) },
      ]}
      factsTitle={say("host.basics")}
      facts={[
        { label: say("host.state"), value: <HostStatus host={host} /> },
        { label: say(host.state === "Up" ? "host.since.up" : "host.since.down"), value: since.data === undefined || since.data === null ? "" : moment(since.data) },
        { label: say("host.az"), value: host.az },
        { label: say("host.rack"), value: host.rack },
        { label: say("host.role"), value: rolesOf(host) },
        { label: say("host.underlay"), value: <Copyable text={host.underlayAddress} /> },
        {
          label: say("host.generation"),
          value:
            appliedRevision === undefined || behind === null
              ? say("host.generation.unknown", { wanted: wantedRevision })
              : say("host.generation.of", { applied: appliedRevision, wanted: wantedRevision, behind }),
        },
        { label: say("host.heard"), value: lagSeconds === undefined ? "" : say("host.heard.ago", { seconds: lagSeconds }) },
        { label: say("host.instances"), value: say("host.carries", { count: host.instanceCount }) },
        { label: say("host.joined"), value: moment(host.createdTime) },
        ...(host.error === undefined ? [] : [{ label: say("host.error"), value: host.error }]),
      ]}
      tabs={[
        {
          id: "instances",
          label: say("host.instances"),
          content: (
            <InstancesTable table="instancesOfHost" description={say("host.instances.own")} of={{ name: "hostId", operator: "eq", values: [hostId] }} />
          ),
        },
        { id: "monitoring", label: say("host.monitoring"), content: <Monitoring resourceType="host" resourceId={hostId} /> },
        {
          id: "events",
          label: say("host.events"),
          content: <EventsTable table="hostEvents" variant="container" description={say("host.events.description")} of={new Map([[hostId, hostId]])} />,
        },
      ]}
    />
  );
}
