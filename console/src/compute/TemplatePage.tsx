// One instance template: what it makes instances of, and who uses it.

import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { everything } from "../api/pages";
import { useMay } from "../api/session";
import { useGo } from "../app/follow";
import { useParameter } from "../app/parameter";
import { paths } from "../app/paths";
import { securityGroups, subnets, vpcs } from "../network/api";
import { ResourceLink } from "../records/ResourceLink";
import { Copyable } from "../resource/Copyable";
import { Described, DescribePage } from "../resource/DescribePage";
import { ResourceTable, wholeList } from "../resource/ResourceTable";
import { ActionButtons } from "../resource/RowActions";
import { useMoment, useTexts } from "../texts/texts";
import { instanceTemplate, type InstanceTemplate } from "./api";
import { StartShown } from "./StartShown";
import { DeleteTemplateDialog, useTemplateActions } from "./templateActions";
import { computeTexts } from "./texts";

export function TemplatePage() {
  const id = useParameter("instanceTemplateId");
  const query = useQuery({ queryKey: ["instanceTemplate", id], queryFn: () => instanceTemplate(id) });
  return <Described query={query} back={paths.instanceTemplates()}>{(it) => <One key={it.id} it={it} />}</Described>;
}

function One({ it }: { it: InstanceTemplate }) {
  const say = useTexts(computeTexts);
  const moment = useMoment();
  const go = useGo();
  const may = useMay("Operator");
  const [deleting, setDeleting] = useState<InstanceTemplate | null>(null);
  const actions = useTemplateActions(setDeleting)(it);
  const data = it.instanceTemplateData;
  const { subnetId, securityGroups: groupIds } = data.primaryNetworkInterface.networkInterface;
  const networks = useQuery({ queryKey: ["vpcs", "all"], queryFn: () => everything(vpcs) });
  const blocks = useQuery({ queryKey: ["subnets", "all"], queryFn: () => everything(subnets) });
  const groups = useQuery({
    queryKey: ["securityGroups", "vpc", data.vpcId],
    queryFn: () => everything(securityGroups, [{ name: "vpcId", operator: "eq", values: [data.vpcId] }]),
  });
  const vpc = networks.data?.find(({ vpcId }) => vpcId === data.vpcId);
  const subnet = blocks.data?.find((one) => one.subnetId === subnetId);
  const nameOfGroup = (id: string) => groups.data?.find(({ networkSecurityGroupId }) => networkSecurityGroupId === id)?.networkSecurityGroupName ?? id;
  return (
    <>
      <DescribePage
        title={it.name}
        description={it.description}
        crumbs={[
          { text: say("template.title"), href: paths.instanceTemplates() },
          { text: it.name, href: paths.instanceTemplate(it.id) },
        ]}
        actions={may && <ActionButtons actions={actions} />}
        factsTitle={say("template.basics")}
        facts={[
          { label: say("field.id"), value: <Copyable text={it.id} /> },
          { label: say("template.image"), value: data.imageId },
          { label: say("template.type"), value: data.instanceType },
          { label: say("template.vpc"), value: data.vpcId === "" ? "" : <ResourceLink kind="vpc" id={data.vpcId} name={vpc?.vpcName ?? data.vpcId} /> },
          {
            label: say("template.subnet"),
            value: <ResourceLink kind="subnet" id={subnetId} name={subnet === undefined ? subnetId : `${subnet.subnetName} (${subnet.addressPrefix})`} />,
          },
          {
            label: say("template.groups"),
            value:
              groupIds.length === 0 ? (
                ""
              ) : (
                <SpaceBetween size="xxs">
                  {groupIds.map((id) => <ResourceLink key={id} kind="networkSecurityGroup" id={id} name={nameOfGroup(id)} />)}
                </SpaceBetween>
              ),
          },
          { label: say("field.created"), value: moment(it.createdTime) },
        ]}
        tabs={[
          { id: "groups", label: say("template.ags"), content: <Users it={it} /> },
          { id: "start", label: say("start.title"), content: <StartShown of={data} /> },
        ]}
      />
      <DeleteTemplateDialog template={deleting} onClose={() => setDeleting(null)} onDeleted={() => go(paths.instanceTemplates())} />
    </>
  );
}

function Users({ it }: { it: InstanceTemplate }) {
  const say = useTexts(computeTexts);
  return (
    <ResourceTable
      table="groupsOfTemplate"
      variant="container"
      title={say("template.ags")}
      source={wholeList(["instanceTemplate", it.id, "ags"], async () => (await instanceTemplate(it.id)).ags)}
      id={({ id }) => id}
      name={({ name }) => name}
      columns={[
        { id: "name", header: say("field.name"), isRowHeader: true, cell: ({ id, name }) => <ResourceLink kind="availabilityGroup" id={id} name={name} /> },
        { id: "id", header: say("field.id"), cell: ({ id }) => id },
      ]}
    />
  );
}
