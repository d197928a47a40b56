// All VPCs of the account.

import Button from "@cloudscape-design/components/button";
import { useState } from "react";

import { paths } from "../app/paths";
import { usePlace } from "../app/place";
import { RouteLink } from "../app/RouteLink";
import { ResourceTable } from "../resource/ResourceTable";
import { useMoment, useTexts } from "../texts/texts";
import { type Vpc, vpcs } from "./api";
import { rangesOf } from "./blocks";
import { CreateVpcDialog } from "./CreateVpcDialog";
import { networkTexts } from "./texts";
import { useVpcActions } from "./vpcActions";

export function VpcsPage() {
  const say = useTexts(networkTexts);
  const moment = useMoment();
  const [isCreating, setCreating] = useState(false);
  const { may, operation, dialogs } = useVpcActions();
  usePlace("table", [{ text: say("vpc.title"), href: paths.vpcs() }]);
  const create = may && <Button variant="primary" onClick={() => setCreating(true)}>{say("vpc.create")}</Button>;
  return (
    <>
      <ResourceTable
        table="vpcs"
        title={say("vpc.title")}
        description={say("vpc.description")}
        source={{ key: ["vpcs"], page: vpcs }}
        id={(it: Vpc) => it.vpcId}
        name={(it) => it.vpcName}
        nameFilter="vpcNames"
        filters={[
          { name: "vpcNames", label: say("field.name"), operators: [":", "="] },
          { name: "vpcIds", label: say("field.id"), operators: ["="] },
        ]}
        actions={() => create}
        start={create}
        columns={[
          {
            id: "name",
            header: say("field.name"),
            isRowHeader: true,
            sort: "name",
            cell: (it) => <RouteLink href={paths.vpc(it.vpcId)}>{it.vpcName}</RouteLink>,
          },
          { id: "id", header: say("field.id"), cell: (it) => it.vpcId },
          { id: "range", header: say("vpc.range"), cell: (it) => rangesOf(it).join(", ") || say("vpc.range.anywhere") },
          { id: "subnets", header: say("subnet.title"), cell: (it) => it.subnets.length },
          { id: "description", header: say("field.description"), cell: (it) => it.description },
          { id: "created", header: say("field.created"), sort: "createdTime", cell: (it) => moment(it.createdTime) },
          ...operation,
        ]}
      />
      {isCreating && <CreateVpcDialog onClose={() => setCreating(false)} />}
      {dialogs}
    </>
  );
}
