// One listener: where it listens, and where its connections go.

import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { useMay } from "../api/session";
import { useGo } from "../app/follow";
import { useParameter } from "../app/parameter";
import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { Monitoring } from "../monitoring/Monitoring";
import { Copyable } from "../resource/Copyable";
import { DescribePage } from "../resource/DescribePage";
import { ActionButtons } from "../resource/RowActions";
import { useMoment, useTexts } from "../texts/texts";
import { backend, listener, type Listener, type LoadBalancer } from "./api";
import { ConvergenceStatus } from "./ConvergenceStatus";
import { type ListenerAction, ListenerDialogs, useListenerActions } from "./listenerActions";
import { PartOfBalancer } from "./OfBalancer";
import { TargetHealthTable } from "./TargetHealthTable";
import { lbTexts } from "./texts";
import { nameOfGroup, useBalancerCrumbs, useServerGroups } from "./useBalancer";

export function ListenerPage() {
  const id = useParameter("listenerId");
  const query = useQuery({ queryKey: ["listener", id], queryFn: () => listener(id) });
  const back = paths.loadBalancer(useParameter("loadBalancerId"), "listeners");
  return (
    <PartOfBalancer query={query} back={back}>
      {(it, balancer) => <One key={it.listenerId} it={it} balancer={balancer} back={back} />}
    </PartOfBalancer>
  );
}

function One({ it, balancer, back }: { it: Listener; balancer: LoadBalancer; back: string }) {
  const say = useTexts(lbTexts);
  const moment = useMoment();
  const go = useGo();
  const may = useMay("Operator");
  const [acting, setActing] = useState<ListenerAction | null>(null);
  const actions = useListenerActions(setActing)(it);
  const groups = useServerGroups(balancer);
  const serving = useQuery({ queryKey: ["backend", it.backendId], queryFn: () => backend(it.backendId) });
  const { loadBalancerId } = balancer;
  const address = say("listener.at", { protocol: it.protocol.toUpperCase(), port: it.port });
  const group = serving.data === undefined ? null : nameOfGroup(serving.data, groups);
  return (
    <>
      <DescribePage
        title={it.listenerName}
        description={it.description}
        crumbs={[...useBalancerCrumbs(balancer, loadBalancerId, "listeners"), { text: it.listenerName, href: paths.listener(loadBalancerId, it.listenerId) }]}
        actions={may && <ActionButtons actions={actions} />}
        factsTitle={say("lb.basics")}
        facts={[
          { label: say("field.id"), value: <Copyable text={it.listenerId} /> },
          { label: say("listener.port"), value: address },
          { label: say("lb.state"), value: <StatusIndicator type={it.status === "On" ? "success" : "stopped"}>{say(`listener.state.${it.status}`)}</StatusIndicator> },
          { label: say("lb.vip"), value: balancer.privateIp.privateIpAddress },
          {
            label: say("backend.title"),
            value: <RouteLink href={paths.backend(loadBalancerId, it.backendId)}>{serving.data?.backendName ?? it.backendId}</RouteLink>,
          },
          { label: say("group.title"), value: group ?? say("group.none") },
          { label: say("listener.idle"), value: it.connectionIdleTimeSeconds },
          { label: say("lb.convergence"), value: <ConvergenceStatus loadBalancerId={loadBalancerId} /> },
          { label: say("field.created"), value: moment(it.createdTime) },
        ]}
        tabs={[
          { id: "health", label: say("health.title"), content: serving.data !== undefined && <TargetHealthTable backend={serving.data} /> },
          { id: "monitoring", label: say("tab.monitoring"), content: <Monitoring resourceType="listener" resourceId={it.listenerId} /> },
        ]}
      />
      <ListenerDialogs acting={acting} onClose={() => setActing(null)} onDeleted={() => go(back)} />
    </>
  );
}
