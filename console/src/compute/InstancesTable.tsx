// Instances: all of them, or those of a group or a host.

import type { ReactNode } from "react";

import type { Filter } from "../api/pages";
import { session } from "../api/session";
import { useCell } from "../app/cell";
import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { type FilterChoice, ResourceTable } from "../resource/ResourceTable";
import { useMoment, useTexts } from "../texts/texts";
import { type Instance, type InstanceFilter, instances } from "./api";
import { useInstanceActions } from "./instanceActions";
import { InstanceStatus } from "./InstanceStatus";
import { computeTexts } from "./texts";

interface Props {
  table: string;
  description?: string;
  /** Those of one group or host alone. */
  of?: Filter<"agId" | "hostId">;
  filters?: readonly FilterChoice<InstanceFilter>[];
  start?: ReactNode;
}

export function InstancesTable({ table, description, of, filters = [], start }: Props) {
  const say = useTexts(computeTexts);
  const moment = useMoment();
  const operates = useCell(session)?.operates ?? false;
  const { operation, dialogs } = useInstanceActions();
  const isOf = (name: "agId" | "hostId") => of?.name === name;
  return (
    <>
      <ResourceTable
        table={table}
        variant={of === undefined ? "full-page" : "container"}
        title={say("instance.title")}
        description={description}
        source={{ key: ["instances", ...(of?.values ?? [])], page: instances }}
        fixed={of === undefined ? [] : [of as Filter<InstanceFilter>]}
        nameFilter="name"
        filters={filters}
        id={(it: Instance) => it.instanceId}
        name={(it) => it.instanceName}
        {...(of === undefined ? { actions: () => start } : {})}
        start={start}
        columns={[
          {
            id: "name",
            header: say("field.name"),
            sort: "name",
            isRowHeader: true,
            cell: (it) => <RouteLink href={paths.instance(it.instanceId)}>{it.instanceName}</RouteLink>,
          },
          { id: "id", header: say("field.id"), cell: (it) => it.instanceId },
          { id: "status", header: say("instance.state"), cell: (it) => <InstanceStatus it={it} /> },
          { id: "address", header: say("instance.address"), cell: (it) => it.privateIpAddress },
          ...(isOf("agId")
            ? []
            : [
                {
                  id: "ag",
                  header: say("instance.ag"),
                  cell: ({ ag }: Instance) => (ag === undefined ? say("field.none") : <RouteLink href={paths.availabilityGroup(ag.id)}>{ag.name}</RouteLink>),
                },
              ]),
          ...(isOf("hostId")
            ? []
            : [
                { id: "az", header: say("instance.az"), cell: (it: Instance) => it.az },
                { id: "rack", header: say("instance.rack"), isExtra: true, cell: (it: Instance) => it.faultDomain },
                {
                  id: "host",
                  header: say("instance.host"),
                  cell: ({ hostId }: Instance) => (operates ? <RouteLink href={paths.host(hostId)}>{hostId}</RouteLink> : hostId),
                },
              ]),
          { id: "type", header: say("template.type"), isExtra: true, cell: (it) => it.instanceType },
          { id: "image", header: say("template.image"), isExtra: true, cell: (it) => it.imageId },
          { id: "created", header: say("field.created"), sort: "createdTime", isExtra: true, cell: (it) => moment(it.launchTime) },
          ...operation,
        ]}
      />
      {dialogs}
    </>
  );
}
