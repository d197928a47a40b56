// One VPC and what is in it.

import { useQuery } from "@tanstack/react-query";

import { useGo } from "../app/follow";
import { useParameter } from "../app/parameter";
import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { Copyable } from "../resource/Copyable";
import { Described, DescribePage } from "../resource/DescribePage";
import { ActionButtons } from "../resource/RowActions";
import { useMoment, useTexts } from "../texts/texts";
import { AclTable } from "./AclTable";
import { vpc, type Vpc } from "./api";
import { BalancerTable } from "./BalancerTable";
import { GroupTable } from "./GroupTable";
import { SubnetTable } from "./SubnetTable";
import { networkTexts } from "./texts";
import { useVpcActions } from "./vpcActions";

export function VpcPage() {
  const id = useParameter("vpcId");
  const query = useQuery({ queryKey: ["vpc", id], queryFn: () => vpc(id) });
  return <Described query={query} back={paths.vpcs()}>{(it) => <One key={it.vpcId} it={it} />}</Described>;
}

function One({ it }: { it: Vpc }) {
  const say = useTexts(networkTexts);
  const moment = useMoment();
  const go = useGo();
  const { actionsOf, dialogs } = useVpcActions(() => go(paths.vpcs()));
  return (
    <>
      <DescribePage
        title={it.vpcName}
        description={it.description}
        crumbs={[
          { text: say("vpc.title"), href: paths.vpcs() },
          { text: it.vpcName, href: paths.vpc(it.vpcId) },
        ]}
        actions={<ActionButtons actions={actionsOf(it)} />}
        factsTitle={say("net.basics")}
        facts={[
          { label: say("field.id"), value: <Copyable text={it.vpcId} /> },
          { label: say("vpc.four"), value: it.addressPrefix === "" && it.ipv6AddressPrefix === undefined ? say("vpc.range.anywhere") : it.addressPrefix },
          { label: say("vpc.six"), value: it.ipv6AddressPrefix },
          { label: say("field.created"), value: moment(it.createdTime) },
          { label: say("net.changes"), value: <RouteLink href={paths.auditRecords({ resourceId: it.vpcId })}>{say("net.changes.show")}</RouteLink> },
        ]}
        tabs={[
          { id: "subnets", label: say("subnet.title"), content: <SubnetTable of={it} /> },
          { id: "security-groups", label: say("group.title"), content: <GroupTable of={it} /> },
          { id: "network-acls", label: say("acl.title"), content: <AclTable of={it} /> },
          { id: "load-balancers", label: say("balancer.title"), content: <BalancerTable vpcId={it.vpcId} /> },
        ]}
      />
      {dialogs}
    </>
  );
}
