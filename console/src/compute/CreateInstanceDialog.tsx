// New instances outside of any group, from a template: for server groups that are picked by hand.

import { useQuery } from "@tanstack/react-query";

import { everything } from "../api/pages";
import { notify } from "../app/notices";
import { useZones } from "../app/region";
import { ChoiceField, TextField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { useForm } from "../form/useForm";
import { useTexts } from "../texts/texts";
import { createInstances, instanceTemplates } from "./api";
import { checkNew, NEW_NAMES, type NewFields, newSpec } from "./instanceFields";
import { computeTexts } from "./texts";

export function CreateInstanceDialog({ onClose }: { onClose: () => void }) {
  const say = useTexts(computeTexts);
  const zones = useZones();
  const templates = useQuery({ queryKey: ["instanceTemplates", "all"], queryFn: () => everything(instanceTemplates) });
  const form = useForm<NewFields>({
    initial: { name: "", templateId: "", az: "", count: "1" },
    check: checkNew,
    names: NEW_NAMES,
    send: async (values) => {
      const { spec, count } = newSpec(values);
      await createInstances(spec, count);
      notify({ type: "success", text: say("instance.created", { name: values.name, count }) });
      onClose();
    },
  });
  return (
    <FormDialog form={form} title={say("instance.create")} submitText={say("action.create")} onClose={onClose}>
      <TextField form={form} field="name" autoFocus label={say("field.name")} constraint={say("instance.name.hint")} />
      <ChoiceField
        form={form}
        field="templateId"
        label={say("ag.template")}
        hint={say("ag.template.hint")}
        loading={templates.isPending}
        empty={say("ag.template.none")}
        choices={(templates.data ?? []).map((it) => ({
          value: it.id,
          label: it.name,
          description: `${it.instanceTemplateData.imageId} · ${it.instanceTemplateData.instanceType}`,
        }))}
      />
      <ChoiceField form={form} field="az" label={say("instance.az")} choices={zones.map((zone) => ({ value: zone, label: zone }))} />
      <TextField form={form} field="count" numeric label={say("ag.count")} hint={say("instance.count.hint")} />
    </FormDialog>
  );
}
