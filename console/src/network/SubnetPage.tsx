// One subnet, and who has addresses of it.

import { useQuery } from "@tanstack/react-query";

import { useGo } from "../app/follow";
import { useParameter } from "../app/parameter";
import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { instances } from "../compute/api";
import { Copyable } from "../resource/Copyable";
import { Described, DescribePage } from "../resource/DescribePage";
import { ActionButtons } from "../resource/RowActions";
import { useMoment, useTexts } from "../texts/texts";
import { AclOf } from "./AclOf";
import { subnet, type Subnet } from "./api";
import { BalancerTable } from "./BalancerTable";
import { InstanceTable } from "./InstanceTable";
import { useSubnetActions } from "./subnetActions";
import { networkTexts } from "./texts";
import { useAcls } from "./useAcls";
import { useVpcs } from "./useVpcs";

export function SubnetPage() {
  const id = useParameter("subnetId");
  const query = useQuery({ queryKey: ["subnet", id], queryFn: () => subnet(id) });
  return <Described query={query} back={paths.subnets()}>{(it) => <One key={it.subnetId} it={it} />}</Described>;
}

function One({ it }: { it: Subnet }) {
  const say = useTexts(networkTexts);
  const moment = useMoment();
  const go = useGo();
  const { nameOf } = useVpcs();
  const { nameOf: nameOfAcl } = useAcls(it.vpcId);
  const { actionsOf, dialogs } = useSubnetActions(() => go(paths.subnets()));
  return (
    <>
      <DescribePage
        title={it.subnetName}
        description={it.description}
        crumbs={[
          { text: say("subnet.title"), href: paths.subnets() },
          { text: it.subnetName, href: paths.subnet(it.subnetId) },
        ]}
        actions={<ActionButtons actions={actionsOf(it)} />}
        factsTitle={say("net.basics")}
        facts={[
          { label: say("field.id"), value: <Copyable text={it.subnetId} /> },
          { label: say("subnet.block"), value: it.addressPrefix },
          { label: say("vpc.label"), value: <RouteLink href={paths.vpc(it.vpcId)}>{nameOf(it.vpcId)}</RouteLink> },
          { label: say("subnet.free"), value: it.availableIpCount },
          { label: say("subnet.first"), value: it.startIp },
          { label: say("subnet.last"), value: it.endIp },
          { label: say("acl.label"), value: <AclOf subnet={it} nameOf={nameOfAcl} /> },
          { label: say("field.created"), value: moment(it.createdTime) },
          { label: say("net.changes"), value: <RouteLink href={paths.auditRecords({ resourceId: it.subnetId })}>{say("net.changes.show")}</RouteLink> },
        ]}
        tabs={[
          {
            id: "instances",
            label: say("instance.title"),
            content: (
              <InstanceTable
                source={{ key: ["instances", "subnet", it.subnetId], page: instances }}
                fixed={[{ name: "subnetId", operator: "eq", values: [it.subnetId] }]}
              />
            ),
          },
          { id: "load-balancers", label: say("balancer.title"), content: <BalancerTable vpcId={it.vpcId} subnetId={it.subnetId} /> },
        ]}
      />
      {dialogs}
    </>
  );
}
