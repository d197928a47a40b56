// One backend service: how it spreads connections, and how its targets are.

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { useMay } from "../api/session";
import { useGo } from "../app/follow";
import { useParameter } from "../app/parameter";
import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { Copyable } from "../resource/Copyable";
import { DescribePage } from "../resource/DescribePage";
import { ActionButtons } from "../resource/RowActions";
import { useMoment, useTexts } from "../texts/texts";
import { backend, type Backend, type LoadBalancer } from "./api";
import { type BackendAction, BackendDialogs, useBackendActions } from "./backendActions";
import { PartOfBalancer } from "./OfBalancer";
import { RowsTab } from "./rows/RowsTab";
import { TargetHealthTable } from "./TargetHealthTable";
import { lbTexts } from "./texts";
import { nameOfGroup, useBalancerCrumbs, useServerGroups } from "./useBalancer";

export function BackendPage() {
  const id = useParameter("backendId");
  const query = useQuery({ queryKey: ["backend", id], queryFn: () => backend(id) });
  const back = paths.loadBalancer(useParameter("loadBalancerId"), "backends");
  return (
    <PartOfBalancer query={query} back={back}>
      {(it, balancer) => <One key={it.backendId} it={it} balancer={balancer} back={back} />}
    </PartOfBalancer>
  );
}

function One({ it, balancer, back }: { it: Backend; balancer: LoadBalancer; back: string }) {
  const say = useTexts(lbTexts);
  const moment = useMoment();
  const go = useGo();
  const may = useMay("Operator");
  const [acting, setActing] = useState<BackendAction | null>(null);
  const actions = useBackendActions(setActing)(it);
  const groups = useServerGroups(balancer);
  const { loadBalancerId } = balancer;
  const { healthCheck: check } = it;
  const group = nameOfGroup(it, groups);
  const [targetGroupId] = it.targetGroupIds;
  const [agId] = it.agIds;
  const groupPath =
    targetGroupId !== undefined ? paths.targetGroup(loadBalancerId, targetGroupId) : agId !== undefined ? paths.availabilityGroup(agId) : null;
  const checkFacts = it.closeHealthCheck
    ? [{ label: say("check.title"), value: say("field.off") }]
    : [
        { label: say("check.title"), value: say(`check.${check.protocol}`) },
        ...(check.protocol === "Icmp" ? [] : [{ label: say("check.port"), value: check.port === 0 ? say("check.port.same") : check.port }]),
        ...(check.protocol === "Http" ? [{ label: say("check.path"), value: `${check.httpDomain ?? ""}${check.httpPath ?? ""}` }] : []),
        { label: say("check.times"), value: say("check.times.value", { interval: check.intervalSeconds, timeout: check.checkTimeoutSeconds }) },
        { label: say("check.thresholds"), value: say("check.thresholds.value", { healthy: check.healthyThresholdCount, unhealthy: check.unhealthyThresholdCount }) },
      ];
  return (
    <>
      <DescribePage
        title={it.backendName}
        description={it.description}
        crumbs={[...useBalancerCrumbs(balancer, loadBalancerId, "backends"), { text: it.backendName, href: paths.backend(loadBalancerId, it.backendId) }]}
        actions={may && <ActionButtons actions={actions} />}
        factsTitle={say("lb.basics")}
        facts={[
          { label: say("field.id"), value: <Copyable text={it.backendId} /> },
          { label: say("backend.port.of"), value: say("listener.at", { protocol: it.protocol.toUpperCase(), port: it.port }) },
          { label: say("backend.algorithm"), value: say(`algorithm.${it.algorithm}`) },
          {
            label: say("group.title"),
            value: groupPath === null ? say("group.none") : <RouteLink href={groupPath}>{group}</RouteLink>,
          },
          ...checkFacts,
          { label: say("backend.draining"), value: it.connectionDrainingSeconds },
          { label: say("backend.without"), value: say(`without.${it.withoutMember ?? "Reset"}`) },
          { label: say("field.created"), value: moment(it.createdTime) },
        ]}
        tabs={[
          { id: "health", label: say("health.title"), content: <TargetHealthTable backend={it} /> },
          { id: "rows", label: say("rows.title"), content: <RowsTab backend={it} /> },
        ]}
      />
      <BackendDialogs acting={acting} balancer={balancer} onClose={() => setActing(null)} onDeleted={() => go(back)} />
    </>
  );
}
