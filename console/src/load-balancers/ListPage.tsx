// All load balancers of the account.

import Button from "@cloudscape-design/components/button";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { everything } from "../api/pages";
import { useMay } from "../api/session";
import { useGo } from "../app/follow";
import { paths } from "../app/paths";
import { usePlace } from "../app/place";
import { RouteLink } from "../app/RouteLink";
import { vpcs } from "../network/api";
import { ResourceTable } from "../resource/ResourceTable";
import { RowActions } from "../resource/RowActions";
import { useMoment, useTexts } from "../texts/texts";
import { listedLoadBalancers, type ListedLoadBalancer } from "./api";
import { type BalancerAction, BalancerDialogs, useBalancerActions } from "./balancerActions";
import { countOfListeners } from "./health";
import { HealthSummary } from "./HealthSummary";
import { lbTexts } from "./texts";

export function ListPage() {
  const say = useTexts(lbTexts);
  const moment = useMoment();
  const go = useGo();
  const may = useMay("Operator");
  const [acting, setActing] = useState<BalancerAction | null>(null);
  const actionsOf = useBalancerActions(setActing);
  const networks = useQuery({ queryKey: ["vpcs", "all"], queryFn: () => everything(vpcs) });
  usePlace("table", [{ text: say("lb.title"), href: paths.loadBalancers() }]);
  const create = may && (
    <Button variant="primary" onClick={() => go(paths.createLoadBalancer())}>{say("lb.create")}</Button>
  );
  const nameOfVpc = (id: string) => networks.data?.find(({ vpcId }) => vpcId === id)?.vpcName ?? id;
  return (
    <>
      <ResourceTable
        table="loadBalancers"
        title={say("lb.title")}
        source={{ key: ["loadBalancers"], page: listedLoadBalancers }}
        id={(it: ListedLoadBalancer) => it.loadBalancerId}
        name={(it) => it.loadBalancerName}
        nameFilter="loadBalancerNames"
        filters={[
          { name: "loadBalancerNames", label: say("field.name"), operators: [":", "="] },
          { name: "loadBalancerIds", label: say("field.id"), operators: ["="] },
          {
            name: "vpcId",
            label: say("lb.vpc"),
            operators: ["="],
            options: (networks.data ?? []).map(({ vpcId, vpcName }) => ({ value: vpcId, label: `${vpcName} (${vpcId})` })),
          },
        ]}
        actions={() => create}
        start={create}
        columns={[
          {
            id: "name",
            header: say("field.name"),
            sort: "name",
            isRowHeader: true,
            cell: (it) => <RouteLink href={paths.loadBalancer(it.loadBalancerId)}>{it.loadBalancerName}</RouteLink>,
          },
          { id: "id", header: say("field.id"), cell: (it) => it.loadBalancerId },
          { id: "vip", header: say("lb.vip"), cell: (it) => it.privateIp.privateIpAddress },
          { id: "eip", header: say("lb.eip"), cell: (it) => it.privateIp.elasticIpAddress ?? say("field.none") },
          {
            id: "state",
            header: say("lb.state"),
            cell: (it) => (
              <StatusIndicator type={it.state.code === "ACTIVE" ? "success" : "stopped"}>{say(`lb.state.${it.state.code}`)}</StatusIndicator>
            ),
          },
          {
            id: "listeners",
            header: say("lb.listeners"),
            cell: (it) => (
              <RouteLink href={paths.loadBalancer(it.loadBalancerId, "listeners")} ariaLabel={`${say("lb.listeners")}: ${it.listeners.length}`}>
                {String(it.listeners.length)}
              </RouteLink>
            ),
          },
          {
            id: "health",
            header: say("lb.health"),
            cell: (it) => (it.listeners.length === 0 ? say("health.noListeners") : <HealthSummary {...countOfListeners(it.listeners)} />),
          },
          { id: "vpc", header: say("lb.vpc"), isExtra: true, cell: (it) => nameOfVpc(it.vpcId) },
          { id: "description", header: say("field.description"), isExtra: true, cell: (it) => it.description },
          { id: "protection", header: say("lb.protection"), isExtra: true, cell: (it) => say(it.deleteProtection ? "field.on" : "field.off") },
          { id: "created", header: say("field.created"), sort: "createdTime", isExtra: true, cell: (it) => moment(it.createdTime) },
          ...(may
            ? [
                {
                  id: "operation",
                  header: say("list.operation"),
                  cell: (it: ListedLoadBalancer) => (
                    <RowActions
                      name={it.loadBalancerName}
                      first={<RouteLink href={paths.loadBalancer(it.loadBalancerId, "listeners")}>{say("lb.addListening")}</RouteLink>}
                      more={actionsOf(it)}
                    />
                  ),
                },
              ]
            : []),
        ]}
      />
      <BalancerDialogs acting={acting} onClose={() => setActing(null)} />
    </>
  );
}
