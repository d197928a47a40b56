// A new availability group with its first instances, over the page that needs it.

import Checkbox from "@cloudscape-design/components/checkbox";
import FormField from "@cloudscape-design/components/form-field";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";

import { everything } from "../api/pages";
import { notify } from "../app/notices";
import { useZones } from "../app/region";
import { makeAll } from "../app/undo";
import { ChoiceField, NameField, TextField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { chosen, integer, name, type Problems, range } from "../form/problems";
import { useForm } from "../form/useForm";
import { useTexts } from "../texts/texts";
import { createAvailabilityGroup, deleteAvailabilityGroup, growAvailabilityGroup, instanceTemplates } from "./api";
import { computeTexts } from "./texts";

interface Fields {
  agName: string;
  templateId: string;
  /** Zones that the user does not want. */
  without: readonly string[];
  count: string;
}

/** As many as the API makes at once. */
const MOST_INSTANCES = 100;

interface Props {
  vpcId: string;
  onClose: () => void;
  onCreated: (agId: string) => void;
}

export function CreateGroupDialog({ vpcId, onClose, onCreated }: Props) {
  const say = useTexts(computeTexts);
  const zones = useZones();
  const templates = useQuery({ queryKey: ["instanceTemplates", "all"], queryFn: () => everything(instanceTemplates) });

  const form = useForm<Fields, keyof (typeof computeTexts)["en"]>({
    initial: { agName: "", templateId: "", without: [], count: "2" },
    texts: computeTexts,
    check: (values): Problems<Fields, keyof (typeof computeTexts)["en"]> => ({
      agName: name(values.agName),
      templateId: chosen(values.templateId),
      without: zones.every((zone) => values.without.includes(zone)) ? ["ag.azs.needed"] : undefined,
      count: range(values.count, 0, MOST_INSTANCES),
    }),
    names: { agName: ["agName"], templateId: ["instanceTemplateId"], without: ["azs", "az"], count: ["maxCount"] },
    send: async (values) => {
      const azs = zones.filter((zone) => !values.without.includes(zone));
      const count = integer(values.count) ?? 0;
      const group = {
        name: "group",
        make: () => createAvailabilityGroup({ agName: values.agName, instanceTemplateId: values.templateId, azs }),
        undo: deleteAvailabilityGroup,
      };
      const members = {
        name: "members",
        make: async (made: ReadonlyMap<string, string>) => {
          const ids = await growAvailabilityGroup(made.get("group") ?? "", values.agName, count);
          return ids.join(" ");
        },
      };
      const made = await makeAll(count === 0 ? [group] : [group, members]);
      notify({ type: "success", text: say("ag.created", { name: values.agName, count }) });
      onCreated(made.get("group") ?? "");
      onClose();
    },
  });

  const fitting = (templates.data ?? []).filter((template) => template.instanceTemplateData.vpcId === vpcId);
  return (
    <FormDialog form={form} title={say("ag.create")} submitText={say("action.create")} onClose={onClose}>
      <NameField form={form} field="agName" autoFocus />
      <ChoiceField
        form={form}
        field="templateId"
        label={say("ag.template")}
        hint={say("ag.template.hint")}
        loading={templates.isPending}
        empty={say("ag.template.none")}
        choices={fitting.map((template) => ({
          value: template.id,
          label: template.name,
          description: `${template.instanceTemplateData.imageId} · ${template.instanceTemplateData.instanceType}`,
        }))}
      />
      <FormField label={say("ag.azs")} description={say("ag.azs.hint")} errorText={form.errorText("without")}>
        <SpaceBetween direction="horizontal" size="m">
          {zones.map((zone) => (
            <Checkbox
              key={zone}
              checked={!form.values.without.includes(zone)}
              onChange={({ detail }) =>
                form.set("without", detail.checked ? form.values.without.filter((one) => one !== zone) : [...form.values.without, zone])
              }
            >
              {zone}
            </Checkbox>
          ))}
        </SpaceBetween>
      </FormField>
      <TextField form={form} field="count" numeric label={say("ag.count")} hint={say("ag.count.hint")} />
    </FormDialog>
  );
}
