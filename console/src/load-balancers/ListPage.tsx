import Button from "@cloudscape-design/components/button";
import { useTexts } from "../texts/texts";
import { lbTexts } from "./texts";
import { loadBalancers, type LoadBalancer } from "./api";
import { ResourceTable } from "../resource/ResourceTable";
import { usePlace } from "../app/place";
import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { useMay } from "../api/session";
import { useGo } from "../app/follow";

export function ListPage() {
  const say = useTexts(lbTexts);
  const go = useGo();
  const may = useMay("Operator");
  usePlace("table", [{ text: say("lb.title"), href: paths.loadBalancers() }]);
  return (
    <ResourceTable
      table="loadBalancers"
      title={say("lb.title")}
      source={{ key: ["loadBalancers"], page: loadBalancers }}
      nameFilter="loadBalancerNames"
      id={(it: LoadBalancer) => it.loadBalancerId}
      name={(it) => it.loadBalancerName}
      filters={[{ name: "loadBalancerNames", label: say("field.name"), operators: [":", "="] }]}
      actions={() => may && <Button variant="primary" onClick={() => go(paths.createLoadBalancer())}>{say("lb.create")}</Button>}
      columns={[
        { id: "name", header: say("field.name"), isRowHeader: true, cell: (it) => <RouteLink href={paths.loadBalancer(it.loadBalancerId)}>{it.loadBalancerName}</RouteLink> },
        { id: "id", header: say("field.id"), cell: (it) => it.loadBalancerId },
        { id: "vip", header: say("lb.vip"), cell: (it) => it.privateIp.privateIpAddress },
      ]}
    />
  );
}
