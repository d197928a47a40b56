// One availability group: how many of its instances run, and whom they serve.

import { useQuery } from "@tanstack/react-query";

import { useGo } from "../app/follow";
import { useParameter } from "../app/parameter";
import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { vpc } from "../network/api";
import { ResourceLink } from "../records/ResourceLink";
import { Copyable } from "../resource/Copyable";
import { Described, DescribePage } from "../resource/DescribePage";
import { ActionButtons } from "../resource/RowActions";
import { useMoment, useTexts } from "../texts/texts";
import { availabilityGroup, instanceTemplate } from "./api";
import { useAvailabilityGroupActions } from "./groupActions";
import { GroupHealth } from "./GroupHealth";
import { listedGroup, type ListedGroup } from "./groups";
import { InstancesTable } from "./InstancesTable";
import { RunningStatus } from "./RunningStatus";
import { ServicesTab } from "./ServicesTab";
import { computeTexts } from "./texts";

export function GroupPage() {
  const id = useParameter("agId");
  const query = useQuery({ queryKey: ["ag", id], queryFn: async () => listedGroup(await availabilityGroup(id)) });
  return <Described query={query} back={paths.availabilityGroups()}>{(it) => <One key={it.id} it={it} />}</Described>;
}

function One({ it }: { it: ListedGroup }) {
  const say = useTexts(computeTexts);
  const moment = useMoment();
  const go = useGo();
  const { may, actionsOf, dialogs } = useAvailabilityGroupActions<ListedGroup>(() => go(paths.availabilityGroups()));
  const template = useQuery({ queryKey: ["instanceTemplate", it.instanceTemplateId], queryFn: () => instanceTemplate(it.instanceTemplateId) });
  const network = useQuery({ queryKey: ["vpc", it.vpcId], queryFn: () => vpc(it.vpcId) });
  return (
    <>
      <DescribePage
        title={it.name}
        description={it.description}
        crumbs={[
          { text: say("ag.title"), href: paths.availabilityGroups() },
          { text: it.name, href: paths.availabilityGroup(it.id) },
        ]}
        actions={may && <ActionButtons actions={actionsOf(it)} />}
        factsTitle={say("template.basics")}
        facts={[
          { label: say("field.id"), value: <Copyable text={it.id} /> },
          { label: say("ag.count"), value: <RunningStatus running={it.running} count={it.count} /> },
          { label: say("ag.health"), value: <GroupHealth services={it.services} /> },
          {
            label: say("ag.template"),
            value: <RouteLink href={paths.instanceTemplate(it.instanceTemplateId)}>{template.data?.name ?? it.instanceTemplateId}</RouteLink>,
          },
          { label: say("ag.azs"), value: it.azs.join(", ") },
          { label: say("template.vpc"), value: <ResourceLink kind="vpc" id={it.vpcId} name={network.data?.vpcName ?? it.vpcId} /> },
          { label: say("field.created"), value: moment(it.createTime) },
        ]}
        tabs={[
          {
            id: "instances",
            label: say("instance.title"),
            content: <InstancesTable table="instancesOfGroup" of={{ name: "agId", operator: "eq", values: [it.id] }} />,
          },
          { id: "services", label: say("ag.services"), content: <ServicesTab agId={it.id} /> },
        ]}
      />
      {dialogs}
    </>
  );
}
