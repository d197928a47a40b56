// One network ACL: its rules in order, and the subnets that have it.

import { useQuery } from "@tanstack/react-query";

import { useGo } from "../app/follow";
import { useParameter } from "../app/parameter";
import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { Copyable } from "../resource/Copyable";
import { Described, DescribePage } from "../resource/DescribePage";
import { ActionButtons } from "../resource/RowActions";
import { useMoment, useTexts } from "../texts/texts";
import { useAclActions } from "./aclActions";
import { AclSubnets } from "./AclSubnets";
import { networkAcl, type NetworkAcl } from "./api";
import { ruleOfAcl } from "./rules";
import { rulesOfAcl } from "./ruleSets";
import { RuleTable } from "./RuleTable";
import { networkTexts } from "./texts";
import { useVpcs } from "./useVpcs";

export function AclPage() {
  const id = useParameter("networkAclId");
  const query = useQuery({ queryKey: ["networkAcl", id], queryFn: () => networkAcl(id) });
  return <Described query={query} back={paths.networkAcls()}>{(it) => <One key={it.networkAclId} it={it} />}</Described>;
}

function One({ it }: { it: NetworkAcl }) {
  const say = useTexts(networkTexts);
  const moment = useMoment();
  const go = useGo();
  const { nameOf } = useVpcs();
  const { actionsOf, dialogs } = useAclActions(() => go(paths.networkAcls()));
  const { networkAclId: id, networkAclName: name } = it;
  const rules = it.networkAclRules.map(ruleOfAcl);
  return (
    <>
      <DescribePage
        title={name}
        description={it.description}
        crumbs={[
          { text: say("acl.title"), href: paths.networkAcls() },
          { text: name, href: paths.networkAcl(id) },
        ]}
        actions={<ActionButtons actions={actionsOf(it)} />}
        factsTitle={say("net.basics")}
        facts={[
          { label: say("field.id"), value: <Copyable text={id} /> },
          { label: say("vpc.label"), value: <RouteLink href={paths.vpc(it.vpcId)}>{nameOf(it.vpcId)}</RouteLink> },
          { label: say("field.created"), value: moment(it.createdTime) },
          { label: say("net.changes"), value: <RouteLink href={paths.auditRecords({ resourceId: id })}>{say("net.changes.show")}</RouteLink> },
        ]}
        tabs={[
          ...(["in", "out"] as const).map((direction) => ({
            id: direction,
            label: say(`rule.title.${direction}`),
            content: <RuleTable key={direction} set={rulesOfAcl(it)} direction={direction} rules={rules.filter((rule) => rule.direction === direction)} />,
          })),
          { id: "subnets", label: say("subnet.title"), content: <AclSubnets acl={it} /> },
        ]}
      />
      {dialogs}
    </>
  );
}
