// Subnets of one VPC, or all of the account.

import Button from "@cloudscape-design/components/button";
import { useState } from "react";

import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { ResourceTable } from "../resource/ResourceTable";
import { useMoment, useTexts } from "../texts/texts";
import { AclOf } from "./AclOf";
import { type Subnet, subnets, type Vpc } from "./api";
import { CreateSubnetDialog } from "./CreateSubnetDialog";
import { useSubnetActions } from "./subnetActions";
import { networkTexts } from "./texts";
import { useAcls } from "./useAcls";
import { useVpcs } from "./useVpcs";

export function SubnetTable({ of }: { of?: Vpc }) {
  const say = useTexts(networkTexts);
  const moment = useMoment();
  const { nameOf, options } = useVpcs();
  const { nameOf: nameOfAcl } = useAcls(of?.vpcId);
  const [isCreating, setCreating] = useState(false);
  const { may, operation, dialogs } = useSubnetActions();
  const create = may && <Button variant={of === undefined ? "primary" : "normal"} onClick={() => setCreating(true)}>{say("subnet.create")}</Button>;
  return (
    <>
      <ResourceTable
        table={of === undefined ? "subnets" : "subnetsOfVpc"}
        variant={of === undefined ? "full-page" : "container"}
        title={say("subnet.title")}
        description={say("subnet.description")}
        source={{ key: ["subnets", of?.vpcId ?? ""], page: subnets }}
        fixed={of === undefined ? [] : [{ name: "vpcId", operator: "eq", values: [of.vpcId] }]}
        id={(it: Subnet) => it.subnetId}
        name={(it) => it.subnetName}
        nameFilter="subnetNames"
        filters={[
          { name: "subnetNames", label: say("field.name"), operators: [":", "="] },
          { name: "subnetIds", label: say("field.id"), operators: ["="] },
          ...(of === undefined ? [{ name: "vpcId" as const, label: say("vpc.label"), operators: ["=" as const], options }] : []),
        ]}
        actions={() => create}
        start={create}
        columns={[
          {
            id: "name",
            header: say("field.name"),
            isRowHeader: true,
            sort: "name",
            cell: (it) => <RouteLink href={paths.subnet(it.subnetId)}>{it.subnetName}</RouteLink>,
          },
          { id: "id", header: say("field.id"), cell: (it) => it.subnetId },
          { id: "block", header: say("subnet.block"), cell: (it) => it.addressPrefix },
          ...(of === undefined
            ? [
                {
                  id: "vpc",
                  header: say("vpc.label"),
                  cell: (it: Subnet) => <RouteLink href={paths.vpc(it.vpcId)}>{nameOf(it.vpcId)}</RouteLink>,
                },
              ]
            : []),
          { id: "free", header: say("subnet.free"), cell: (it) => it.availableIpCount },
          { id: "acl", header: say("acl.label"), cell: (it) => <AclOf subnet={it} nameOf={nameOfAcl} /> },
          { id: "description", header: say("field.description"), isExtra: true, cell: (it) => it.description },
          { id: "created", header: say("field.created"), isExtra: true, sort: "createdTime", cell: (it) => moment(it.createdTime) },
          ...operation,
        ]}
      />
      {isCreating && <CreateSubnetDialog of={of} onClose={() => setCreating(false)} />}
      {dialogs}
    </>
  );
}
