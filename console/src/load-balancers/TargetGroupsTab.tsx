// The virtual server groups of a load balancer.

import Button from "@cloudscape-design/components/button";
import { useState } from "react";

import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { ResourceTable } from "../resource/ResourceTable";
import { useMoment, useTexts } from "../texts/texts";
import { type LoadBalancer, type TargetGroup, targetGroups } from "./api";
import { CreateTargetGroupDialog } from "./CreateTargetGroupDialog";
import { useGroupActions } from "./targetGroupActions";
import { lbTexts } from "./texts";

export function TargetGroupsTab({ balancer }: { balancer: LoadBalancer }) {
  const say = useTexts(lbTexts);
  const moment = useMoment();
  const [isCreating, setCreating] = useState(false);
  const { may, operation, dialogs } = useGroupActions();
  const id = balancer.loadBalancerId;
  const create = may && <Button onClick={() => setCreating(true)}>{say("group.targetGroup.create")}</Button>;
  return (
    <>
      <ResourceTable
        table="targetGroups"
        variant="container"
        title={say("tab.targetGroups")}
        source={{ key: ["targetGroups", id], page: targetGroups }}
        fixed={[{ name: "loadBalancerId", operator: "eq", values: [id] }]}
        nameFilter="targetGroupNames"
        filters={[{ name: "targetGroupNames", label: say("field.name"), operators: [":", "="] }]}
        id={(it: TargetGroup) => it.targetGroupId}
        name={(it) => it.targetGroupName}
        actions={() => create}
        start={create}
        columns={[
          {
            id: "name",
            header: say("field.name"),
            sort: "name",
            isRowHeader: true,
            cell: (it) => <RouteLink href={paths.targetGroup(id, it.targetGroupId)}>{it.targetGroupName}</RouteLink>,
          },
          { id: "id", header: say("field.id"), cell: (it) => it.targetGroupId },
          { id: "description", header: say("field.description"), cell: (it) => it.description },
          { id: "created", header: say("field.created"), sort: "createdTime", cell: (it) => moment(it.createdTime) },
          ...operation,
        ]}
      />
      {isCreating && <CreateTargetGroupDialog balancer={balancer} onClose={() => setCreating(false)} />}
      {dialogs}
    </>
  );
}
