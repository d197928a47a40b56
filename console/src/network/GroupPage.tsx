// One security group: its rules, and who has it.

import { useQuery } from "@tanstack/react-query";

import { useGo } from "../app/follow";
import { useParameter } from "../app/parameter";
import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { Copyable } from "../resource/Copyable";
import { Described, DescribePage } from "../resource/DescribePage";
import { wholeList } from "../resource/ResourceTable";
import { ActionButtons } from "../resource/RowActions";
import { useMoment, useTexts } from "../texts/texts";
import { securityGroup, type SecurityGroup } from "./api";
import { useGroupActions } from "./groupActions";
import { InstanceTable } from "./InstanceTable";
import { instancesOfGroup } from "./members";
import { ruleOfGroup } from "./rules";
import { rulesOfGroup } from "./ruleSets";
import { RuleTable } from "./RuleTable";
import { networkTexts } from "./texts";
import { useVpcs } from "./useVpcs";

export function GroupPage() {
  const id = useParameter("securityGroupId");
  const query = useQuery({ queryKey: ["securityGroup", id], queryFn: () => securityGroup(id) });
  return <Described query={query} back={paths.securityGroups()}>{(it) => <One key={it.networkSecurityGroupId} it={it} />}</Described>;
}

function One({ it }: { it: SecurityGroup }) {
  const say = useTexts(networkTexts);
  const moment = useMoment();
  const go = useGo();
  const { nameOf } = useVpcs();
  const { actionsOf, dialogs } = useGroupActions(() => go(paths.securityGroups()));
  const { networkSecurityGroupId: id, networkSecurityGroupName: name } = it;
  const rules = it.securityGroupRules.map(ruleOfGroup);
  return (
    <>
      <DescribePage
        title={name}
        description={it.description}
        crumbs={[
          { text: say("group.title"), href: paths.securityGroups() },
          { text: name, href: paths.securityGroup(id) },
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
            content: (
              <RuleTable key={direction} set={rulesOfGroup(it)} direction={direction} rules={rules.filter((rule) => rule.direction === direction)} />
            ),
          })),
          {
            id: "instances",
            label: say("instance.title"),
            content: <InstanceTable source={wholeList(["instances", "group", id], () => instancesOfGroup(it))} />,
          },
        ]}
      />
      {dialogs}
    </>
  );
}
