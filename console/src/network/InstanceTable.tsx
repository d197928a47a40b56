// Instances that are somewhere, or have something.

import type { Filter } from "../api/pages";
import type { Instance, InstanceFilter } from "../compute/api";
import { ResourceLink } from "../records/ResourceLink";
import { ResourceTable, type Source } from "../resource/ResourceTable";
import { useTexts } from "../texts/texts";
import { networkTexts } from "./texts";

export function InstanceTable({ source, fixed = [] }: { source: Source<Instance, InstanceFilter>; fixed?: readonly Filter<InstanceFilter>[] }) {
  const say = useTexts(networkTexts);
  return (
    <ResourceTable
      table="instancesOfNetwork"
      variant="container"
      title={say("instance.title")}
      source={source}
      fixed={fixed}
      id={(it: Instance) => it.instanceId}
      name={(it) => it.instanceName}
      columns={[
        { id: "name", header: say("field.name"), isRowHeader: true, cell: (it) => <ResourceLink kind="instance" id={it.instanceId} name={it.instanceName} /> },
        { id: "id", header: say("field.id"), cell: (it) => it.instanceId },
        { id: "address", header: say("instance.address"), cell: (it) => it.privateIpAddress },
        { id: "zone", header: say("instance.zone"), cell: (it) => it.az },
        {
          id: "ag",
          header: say("instance.ag"),
          cell: (it) => (it.ag === undefined ? say("field.none") : <ResourceLink kind="availabilityGroup" id={it.ag.id} name={it.ag.name} />),
        },
      ]}
    />
  );
}
