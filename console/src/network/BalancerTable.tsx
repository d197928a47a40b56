// Load balancers of a VPC, or of one of its subnets.

import { everything } from "../api/pages";
import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { type LoadBalancer, loadBalancers } from "../load-balancers/api";
import { ResourceTable, wholeList } from "../resource/ResourceTable";
import { useTexts } from "../texts/texts";
import { networkTexts } from "./texts";

async function ofSubnet(vpcId: string, subnetId: string): Promise<LoadBalancer[]> {
  const all = await everything(loadBalancers, [{ name: "vpcId", operator: "eq", values: [vpcId] }]);
  return all.filter((it) => it.subnetId === subnetId);
}

export function BalancerTable({ vpcId, subnetId }: { vpcId: string; subnetId?: string }) {
  const say = useTexts(networkTexts);
  return (
    <ResourceTable
      table="loadBalancersOfNetwork"
      variant="container"
      title={say("balancer.title")}
      // The API filters by VPC alone.
      {...(subnetId === undefined
        ? { source: { key: ["loadBalancers", "vpc", vpcId], page: loadBalancers }, fixed: [{ name: "vpcId", operator: "eq", values: [vpcId] }] }
        : { source: wholeList(["loadBalancers", "subnet", subnetId], () => ofSubnet(vpcId, subnetId)) })}
      id={(it: LoadBalancer) => it.loadBalancerId}
      name={(it) => it.loadBalancerName}
      columns={[
        {
          id: "name",
          header: say("field.name"),
          isRowHeader: true,
          cell: (it) => <RouteLink href={paths.loadBalancer(it.loadBalancerId)}>{it.loadBalancerName}</RouteLink>,
        },
        { id: "id", header: say("field.id"), cell: (it) => it.loadBalancerId },
        { id: "vip", header: say("balancer.vip"), cell: (it) => it.privateIp.privateIpAddress },
        { id: "eip", header: say("balancer.eip"), cell: (it) => it.privateIp.elasticIpAddress ?? say("field.none") },
      ]}
    />
  );
}
