// Instances: all of them, or those of a group or a host.

import type { Filter } from "../api/pages";
import { ResourceLink } from "../records/ResourceLink";
import { ResourceTable } from "../resource/ResourceTable";
import { useMoment, useTexts } from "../texts/texts";
import { type Instance, type InstanceFilter, instances } from "./api";
import { InstanceStatus } from "./InstanceStatus";
import { computeTexts } from "./texts";

interface Props {
  table: string;
  /** Those of one group or host. */
  of: Filter<"agId" | "hostId">;
}

export function InstancesTable({ table, of }: Props) {
  const say = useTexts(computeTexts);
  const moment = useMoment();
  return (
    <ResourceTable
      table={table}
      variant="container"
      title={say("instance.title")}
      source={{ key: ["instances", of.values], page: instances }}
      fixed={[of as Filter<InstanceFilter>]}
      nameFilter="name"
      id={(it: Instance) => it.instanceId}
      name={(it) => it.instanceName}
      columns={[
        { id: "name", header: say("field.name"), sort: "name", isRowHeader: true, cell: (it) => <ResourceLink kind="instance" id={it.instanceId} name={it.instanceName} /> },
        { id: "id", header: say("field.id"), cell: (it) => it.instanceId },
        { id: "status", header: say("instance.state"), cell: (it) => <InstanceStatus it={it} /> },
        { id: "address", header: say("instance.address"), cell: (it) => it.privateIpAddress },
        { id: "az", header: say("instance.az"), cell: (it) => it.az },
        { id: "rack", header: say("instance.rack"), cell: (it) => it.faultDomain },
        { id: "host", header: say("instance.host"), cell: (it) => it.hostId },
        { id: "created", header: say("field.created"), sort: "createdTime", isExtra: true, cell: (it) => moment(it.launchTime) },
      ]}
    />
  );
}
