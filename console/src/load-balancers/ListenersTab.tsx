// The listeners of a load balancer.

import Button from "@cloudscape-design/components/button";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useState } from "react";

import { useMay } from "../api/session";
import { useGo } from "../app/follow";
import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { ResourceTable } from "../resource/ResourceTable";
import { RowActions } from "../resource/RowActions";
import { useMoment, useTexts } from "../texts/texts";
import { type ListedListener, listedListeners, type LoadBalancer } from "./api";
import { HealthSummary } from "./HealthSummary";
import { type ListenerAction, ListenerDialogs, useListenerActions } from "./listenerActions";
import { lbTexts } from "./texts";
import { namedGroup, useServerGroups } from "./useBalancer";

export function ListenersTab({ balancer }: { balancer: LoadBalancer }) {
  const say = useTexts(lbTexts);
  const moment = useMoment();
  const go = useGo();
  const may = useMay("Operator");
  const [acting, setActing] = useState<ListenerAction | null>(null);
  const actionsOf = useListenerActions(setActing);
  const groups = useServerGroups(balancer);
  const id = balancer.loadBalancerId;
  const create = may && <Button variant="primary" onClick={() => go(paths.createListener(id))}>{say("listener.create")}</Button>;

  function group(it: ListedListener) {
    const { serving } = it;
    if (serving === undefined) return say("field.none");
    const found = namedGroup(serving.agId, serving.targetGroupId, groups);
    if (found === null) return say("group.none");
    const { name } = found;
    const kind = say(`group.${found.kind}`);
    return <RouteLink href={paths.backend(id, it.backendId)} ariaLabel={say("group.health", { kind, name })}>{`${name} (${kind})`}</RouteLink>;
  }

  return (
    <>
      <ResourceTable
        table="listeners"
        variant="container"
        title={say("tab.listeners")}
        source={{ key: ["listeners", id], page: (request) => listedListeners(id, request) }}
        fixed={[{ name: "loadBalancerId", operator: "eq", values: [id] }]}
        nameFilter="listenerNames"
        filters={[
          { name: "listenerNames", label: say("field.name"), operators: [":", "="] },
          { name: "listenerIds", label: say("field.id"), operators: ["="] },
        ]}
        id={(it: ListedListener) => it.listenerId}
        name={(it) => it.listenerName}
        actions={() => create}
        start={create}
        columns={[
          {
            id: "name",
            header: say("field.name"),
            sort: "name",
            isRowHeader: true,
            cell: (it) => <RouteLink href={paths.listener(id, it.listenerId)}>{it.listenerName}</RouteLink>,
          },
          { id: "port", header: say("listener.port"), cell: (it) => say("listener.at", { protocol: it.protocol.toUpperCase(), port: it.port }) },
          {
            id: "state",
            header: say("lb.state"),
            cell: (it) => <StatusIndicator type={it.status === "On" ? "success" : "stopped"}>{say(`listener.state.${it.status}`)}</StatusIndicator>,
          },
          {
            id: "backend",
            header: say("backend.title"),
            cell: (it) => <RouteLink href={paths.backend(id, it.backendId)}>{it.serving?.backendName ?? it.backendId}</RouteLink>,
          },
          { id: "group", header: say("group.title"), cell: group },
          {
            id: "health",
            header: say("lb.health"),
            cell: (it) => it.serving !== undefined && <HealthSummary healthy={it.serving.healthyTargets} total={it.serving.totalTargets} />,
          },
          { id: "id", header: say("field.id"), isExtra: true, cell: (it) => it.listenerId },
          { id: "idle", header: say("listener.idle"), isExtra: true, cell: (it) => it.connectionIdleTimeSeconds ?? "" },
          { id: "description", header: say("field.description"), isExtra: true, cell: (it) => it.description },
          { id: "created", header: say("field.created"), sort: "createdTime", isExtra: true, cell: (it) => moment(it.createdTime) },
          ...(may
            ? [
                {
                  id: "operation",
                  header: say("list.operation"),
                  cell: (it: ListedListener) => <RowActions name={it.listenerName} more={actionsOf(it)} />,
                },
              ]
            : []),
        ]}
      />
      <ListenerDialogs acting={acting} onClose={() => setActing(null)} />
    </>
  );
}
