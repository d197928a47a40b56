// The backend services of a load balancer.

import Button from "@cloudscape-design/components/button";
import { useState } from "react";

import { useMay } from "../api/session";
import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { ResourceTable } from "../resource/ResourceTable";
import { RowActions } from "../resource/RowActions";
import { useMoment, useTexts } from "../texts/texts";
import { type Backend, backends, type LoadBalancer } from "./api";
import { type BackendAction, BackendDialogs, useBackendActions } from "./backendActions";
import { CreateBackendDialog } from "./CreateBackendDialog";
import { lbTexts } from "./texts";
import { nameOfGroup, useServerGroups } from "./useBalancer";

export function BackendsTab({ balancer }: { balancer: LoadBalancer }) {
  const say = useTexts(lbTexts);
  const moment = useMoment();
  const may = useMay("Operator");
  const [isCreating, setCreating] = useState(false);
  const [acting, setActing] = useState<BackendAction | null>(null);
  const actionsOf = useBackendActions(setActing);
  const groups = useServerGroups(balancer);
  const id = balancer.loadBalancerId;
  const create = may && <Button onClick={() => setCreating(true)}>{say("backend.create")}</Button>;
  return (
    <>
      <ResourceTable
        table="backends"
        variant="container"
        title={say("tab.backends")}
        source={{ key: ["backends", id], page: backends }}
        fixed={[{ name: "loadBalancerId", operator: "eq", values: [id] }]}
        nameFilter="backendNames"
        filters={[
          { name: "backendNames", label: say("field.name"), operators: [":", "="] },
          { name: "protocol", label: say("backend.protocol"), operators: ["="], options: [{ value: "Tcp", label: "TCP" }, { value: "Udp", label: "UDP" }] },
        ]}
        id={(it: Backend) => it.backendId}
        name={(it) => it.backendName}
        actions={() => create}
        start={create}
        columns={[
          {
            id: "name",
            header: say("field.name"),
            sort: "name",
            isRowHeader: true,
            cell: (it) => <RouteLink href={paths.backend(id, it.backendId)}>{it.backendName}</RouteLink>,
          },
          { id: "port", header: say("backend.port.of"), cell: (it) => say("listener.at", { protocol: it.protocol.toUpperCase(), port: it.port }) },
          { id: "algorithm", header: say("backend.algorithm"), cell: (it) => say(`algorithm.${it.algorithm}`) },
          { id: "check", header: say("check.title"), cell: (it) => (it.closeHealthCheck ? say("field.off") : say(`check.${it.healthCheck.protocol}`)) },
          {
            id: "group",
            header: say("group.title"),
            cell: (it) => {
              const name = nameOfGroup(it, groups);
              return name === null ? say("group.none") : <RouteLink href={paths.backend(id, it.backendId)}>{name}</RouteLink>;
            },
          },
          { id: "id", header: say("field.id"), isExtra: true, cell: (it) => it.backendId },
          { id: "description", header: say("field.description"), isExtra: true, cell: (it) => it.description },
          { id: "created", header: say("field.created"), sort: "createdTime", isExtra: true, cell: (it) => moment(it.createdTime) },
          ...(may
            ? [{ id: "operation", header: say("list.operation"), cell: (it: Backend) => <RowActions name={it.backendName} more={actionsOf(it)} /> }]
            : []),
        ]}
      />
      {isCreating && <CreateBackendDialog balancer={balancer} onClose={() => setCreating(false)} />}
      <BackendDialogs acting={acting} balancer={balancer} onClose={() => setActing(null)} />
    </>
  );
}
