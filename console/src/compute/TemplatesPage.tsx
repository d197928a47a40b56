// All instance templates of the account.

import Button from "@cloudscape-design/components/button";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { everything } from "../api/pages";
import { useMay } from "../api/session";
import { useGo } from "../app/follow";
import { paths } from "../app/paths";
import { usePlace } from "../app/place";
import { RouteLink } from "../app/RouteLink";
import { subnets, vpcs } from "../network/api";
import { ResourceTable } from "../resource/ResourceTable";
import { RowActions } from "../resource/RowActions";
import { useMoment, useTexts } from "../texts/texts";
import { type InstanceTemplate, instanceTemplates } from "./api";
import { DeleteTemplateDialog, useTemplateActions } from "./templateActions";
import { computeTexts } from "./texts";

export function TemplatesPage() {
  const say = useTexts(computeTexts);
  const moment = useMoment();
  const go = useGo();
  const may = useMay("Operator");
  const [deleting, setDeleting] = useState<InstanceTemplate | null>(null);
  const actionsOf = useTemplateActions(setDeleting);
  const networks = useQuery({ queryKey: ["vpcs", "all"], queryFn: () => everything(vpcs) });
  const blocks = useQuery({ queryKey: ["subnets", "all"], queryFn: () => everything(subnets) });
  const nameOfVpc = (id: string) => networks.data?.find(({ vpcId }) => vpcId === id)?.vpcName ?? id;
  const nameOfSubnet = (id: string) => blocks.data?.find(({ subnetId }) => subnetId === id)?.subnetName ?? id;
  usePlace("table", [{ text: say("template.title"), href: paths.instanceTemplates() }]);
  const create = may && (
    <Button variant="primary" onClick={() => go(paths.createInstanceTemplate())}>{say("template.create")}</Button>
  );
  return (
    <>
      <ResourceTable
        table="instanceTemplates"
        title={say("template.title")}
        description={say("template.description")}
        source={{ key: ["instanceTemplates"], page: instanceTemplates }}
        id={(it: InstanceTemplate) => it.id}
        name={(it) => it.name}
        nameFilter="name"
        filters={[
          { name: "name", label: say("field.name"), operators: [":", "="] },
          { name: "instanceTemplateId", label: say("field.id"), operators: ["="] },
        ]}
        actions={() => create}
        start={create}
        columns={[
          {
            id: "name",
            header: say("field.name"),
            sort: "name",
            isRowHeader: true,
            cell: (it) => <RouteLink href={paths.instanceTemplate(it.id)}>{it.name}</RouteLink>,
          },
          { id: "id", header: say("field.id"), isExtra: true, cell: (it) => it.id },
          { id: "image", header: say("template.image"), cell: (it) => it.instanceTemplateData.imageId },
          { id: "type", header: say("template.type"), cell: (it) => it.instanceTemplateData.instanceType },
          { id: "vpc", header: say("template.vpc"), cell: (it) => nameOfVpc(it.instanceTemplateData.vpcId) },
          {
            id: "subnet",
            header: say("template.subnet"),
            cell: (it) => nameOfSubnet(it.instanceTemplateData.primaryNetworkInterface.networkInterface.subnetId),
          },
          { id: "ags", header: say("template.ags"), cell: (it) => it.ags.length },
          { id: "description", header: say("field.description"), isExtra: true, cell: (it) => it.description },
          { id: "created", header: say("field.created"), sort: "createdTime", cell: (it) => moment(it.createdTime) },
          ...(may
            ? [{ id: "operation", header: say("list.operation"), cell: (it: InstanceTemplate) => <RowActions name={it.name} more={actionsOf(it)} /> }]
            : []),
        ]}
      />
      <DeleteTemplateDialog template={deleting} onClose={() => setDeleting(null)} />
    </>
  );
}
