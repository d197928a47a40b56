// All availability groups of the account.

import Button from "@cloudscape-design/components/button";
import { useQuery } from "@tanstack/react-query";

import { everything } from "../api/pages";
import { useGo } from "../app/follow";
import { paths } from "../app/paths";
import { usePlace } from "../app/place";
import { RouteLink } from "../app/RouteLink";
import { vpcs } from "../network/api";
import { ResourceTable } from "../resource/ResourceTable";
import { useMoment, useTexts } from "../texts/texts";
import { instanceTemplates } from "./api";
import { useAvailabilityGroupActions } from "./groupActions";
import { GroupHealth } from "./GroupHealth";
import { type ListedGroup, listedGroups } from "./groups";
import { RunningStatus } from "./RunningStatus";
import { computeTexts } from "./texts";

export function GroupsPage() {
  const say = useTexts(computeTexts);
  const moment = useMoment();
  const go = useGo();
  const { may, operation, dialogs } = useAvailabilityGroupActions<ListedGroup>();
  const networks = useQuery({ queryKey: ["vpcs", "all"], queryFn: () => everything(vpcs) });
  const templates = useQuery({ queryKey: ["instanceTemplates", "all"], queryFn: () => everything(instanceTemplates) });
  const nameOfVpc = (id: string) => networks.data?.find(({ vpcId }) => vpcId === id)?.vpcName ?? id;
  const nameOfTemplate = (id: string) => templates.data?.find((template) => template.id === id)?.name ?? id;
  usePlace("table", [{ text: say("ag.title"), href: paths.availabilityGroups() }]);
  const create = may && (
    <Button variant="primary" onClick={() => go(paths.createAvailabilityGroup())}>{say("ag.create")}</Button>
  );
  return (
    <>
      <ResourceTable
        table="availabilityGroups"
        title={say("ag.title")}
        description={say("ag.description")}
        source={{ key: ["ags"], page: listedGroups }}
        id={(it: ListedGroup) => it.id}
        name={(it) => it.name}
        nameFilter="agName"
        filters={[
          { name: "agName", label: say("field.name"), operators: [":", "="] },
          { name: "agId", label: say("field.id"), operators: ["="] },
          {
            name: "instanceTemplateId",
            label: say("ag.template"),
            operators: ["="],
            options: (templates.data ?? []).map(({ id, name }) => ({ value: id, label: `${name} (${id})` })),
          },
          {
            name: "vpcId",
            label: say("template.vpc"),
            operators: ["="],
            options: (networks.data ?? []).map(({ vpcId, vpcName }) => ({ value: vpcId, label: `${vpcName} (${vpcId})` })),
          },
        ]}
        actions={() => create}
        start={create}
        columns={[
          {
            id: "name",
            header: say("field.name"),
            sort: "name",
            isRowHeader: true,
            cell: (it) => <RouteLink href={paths.availabilityGroup(it.id)}>{it.name}</RouteLink>,
          },
          { id: "id", header: say("field.id"), isExtra: true, cell: (it) => it.id },
          { id: "running", header: say("ag.count"), cell: (it) => <RunningStatus running={it.running} count={it.count} /> },
          { id: "health", header: say("ag.health"), cell: (it) => <GroupHealth services={it.services} /> },
          {
            id: "template",
            header: say("ag.template"),
            cell: (it) => <RouteLink href={paths.instanceTemplate(it.instanceTemplateId)}>{nameOfTemplate(it.instanceTemplateId)}</RouteLink>,
          },
          { id: "azs", header: say("ag.azs"), cell: (it) => it.azs.join(", ") },
          { id: "vpc", header: say("template.vpc"), cell: (it) => nameOfVpc(it.vpcId) },
          { id: "description", header: say("field.description"), isExtra: true, cell: (it) => it.description },
          { id: "created", header: say("field.created"), sort: "createdTime", isExtra: true, cell: (it) => moment(it.createTime) },
          ...operation,
        ]}
      />
      {dialogs}
    </>
  );
}
