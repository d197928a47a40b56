// Network ACLs of one VPC, or all of the account.

import Button from "@cloudscape-design/components/button";
import { useState } from "react";

import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { ResourceTable } from "../resource/ResourceTable";
import { useMoment, useTexts } from "../texts/texts";
import { useAclActions } from "./aclActions";
import { createNetworkAcl, type NetworkAcl, networkAcls, type Vpc } from "./api";
import { CreateInVpcDialog } from "./CreateInVpcDialog";
import { networkTexts } from "./texts";
import { useVpcs } from "./useVpcs";

export function AclTable({ of }: { of?: Vpc }) {
  const say = useTexts(networkTexts);
  const moment = useMoment();
  const { nameOf, options } = useVpcs();
  const [isCreating, setCreating] = useState(false);
  const { may, operation, dialogs } = useAclActions();
  const create = may && <Button variant={of === undefined ? "primary" : "normal"} onClick={() => setCreating(true)}>{say("acl.create")}</Button>;
  return (
    <>
      <ResourceTable
        table={of === undefined ? "networkAcls" : "networkAclsOfVpc"}
        variant={of === undefined ? "full-page" : "container"}
        title={say("acl.title")}
        description={say("acl.description")}
        source={{ key: ["networkAcls", of?.vpcId ?? ""], page: networkAcls }}
        fixed={of === undefined ? [] : [{ name: "vpcId", operator: "eq", values: [of.vpcId] }]}
        id={(it: NetworkAcl) => it.networkAclId}
        name={(it) => it.networkAclName}
        nameFilter="networkAclNames"
        filters={[
          { name: "networkAclNames", label: say("field.name"), operators: [":", "="] },
          { name: "networkAclIds", label: say("field.id"), operators: ["="] },
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
            cell: (it) => <RouteLink href={paths.networkAcl(it.networkAclId)}>{it.networkAclName}</RouteLink>,
          },
          { id: "id", header: say("field.id"), cell: (it) => it.networkAclId },
          ...(of === undefined
            ? [{ id: "vpc", header: say("vpc.label"), cell: (it: NetworkAcl) => <RouteLink href={paths.vpc(it.vpcId)}>{nameOf(it.vpcId)}</RouteLink> }]
            : []),
          { id: "rules", header: say("rule.title"), cell: (it) => it.networkAclRules.length },
          { id: "subnets", header: say("subnet.title"), cell: (it) => it.subnetIds.length },
          { id: "description", header: say("field.description"), isExtra: true, cell: (it) => it.description },
          { id: "created", header: say("field.created"), sort: "createdTime", cell: (it) => moment(it.createdTime) },
          ...operation,
        ]}
      />
      {isCreating && (
        <CreateInVpcDialog
          title={say("acl.create")}
          nameField="networkAclName"
          of={of}
          create={({ name, ...rest }) => createNetworkAcl({ ...rest, networkAclName: name })}
          pathOf={paths.networkAcl}
          onClose={() => setCreating(false)}
        />
      )}
      {dialogs}
    </>
  );
}
