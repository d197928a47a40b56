// Security groups of one VPC, or all of the account.

import Button from "@cloudscape-design/components/button";
import { useState } from "react";

import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { ResourceTable } from "../resource/ResourceTable";
import { useMoment, useTexts } from "../texts/texts";
import { createSecurityGroup, type SecurityGroup, securityGroups, type Vpc } from "./api";
import { CreateInVpcDialog } from "./CreateInVpcDialog";
import { useGroupActions } from "./groupActions";
import { networkTexts } from "./texts";
import { useVpcs } from "./useVpcs";

export function GroupTable({ of }: { of?: Vpc }) {
  const say = useTexts(networkTexts);
  const moment = useMoment();
  const { nameOf, options } = useVpcs();
  const [isCreating, setCreating] = useState(false);
  const { may, operation, dialogs } = useGroupActions();
  const create = may && <Button variant={of === undefined ? "primary" : "normal"} onClick={() => setCreating(true)}>{say("group.create")}</Button>;
  return (
    <>
      <ResourceTable
        table={of === undefined ? "securityGroups" : "securityGroupsOfVpc"}
        variant={of === undefined ? "full-page" : "container"}
        title={say("group.title")}
        description={say("group.description")}
        source={{ key: ["securityGroups", of?.vpcId ?? ""], page: securityGroups }}
        fixed={of === undefined ? [] : [{ name: "vpcId", operator: "eq", values: [of.vpcId] }]}
        id={(it: SecurityGroup) => it.networkSecurityGroupId}
        name={(it) => it.networkSecurityGroupName}
        nameFilter="networkSecurityGroupNames"
        filters={[
          { name: "networkSecurityGroupNames", label: say("field.name"), operators: [":", "="] },
          { name: "networkSecurityGroupIds", label: say("field.id"), operators: ["="] },
          ...(of === undefined ? [{ name: "vpcId" as const, label: say("vpc.label"), operators: ["=" as const], options }] : []),
        ]}
        actions={() => create}
        start={create}
        columns={[
          {
            id: "name",
            header: say("field.name"),
            sort: "name",
            isRowHeader: true,
            cell: (it) => <RouteLink href={paths.securityGroup(it.networkSecurityGroupId)}>{it.networkSecurityGroupName}</RouteLink>,
          },
          { id: "id", header: say("field.id"), cell: (it) => it.networkSecurityGroupId },
          ...(of === undefined
            ? [{ id: "vpc", header: say("vpc.label"), cell: (it: SecurityGroup) => <RouteLink href={paths.vpc(it.vpcId)}>{nameOf(it.vpcId)}</RouteLink> }]
            : []),
          { id: "rules", header: say("rule.title"), cell: (it) => it.securityGroupRules.length },
          { id: "instances", header: say("instance.title"), cell: (it) => it.networkInterfaceIds.length },
          { id: "description", header: say("field.description"), isExtra: true, cell: (it) => it.description },
          { id: "created", header: say("field.created"), sort: "createdTime", cell: (it) => moment(it.createdTime) },
          ...operation,
        ]}
      />
      {isCreating && (
        <CreateInVpcDialog
          title={say("group.create")}
          nameField="networkSecurityGroupName"
          of={of}
          create={({ name, ...rest }) => createSecurityGroup({ ...rest, networkSecurityGroupName: name })}
          pathOf={paths.securityGroup}
          onClose={() => setCreating(false)}
        />
      )}
      {dialogs}
    </>
  );
}
