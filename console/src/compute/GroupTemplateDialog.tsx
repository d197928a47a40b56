// From what an availability group makes its next instances.

import { useQuery } from "@tanstack/react-query";

import { everything } from "../api/pages";
import { notify } from "../app/notices";
import { ChoiceField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { chosen } from "../form/problems";
import { useEditor } from "../form/useEditor";
import { useTexts } from "../texts/texts";
import { availabilityGroup, type AvailabilityGroup, instanceTemplates, setTemplateOfGroup } from "./api";
import { computeTexts } from "./texts";

interface Fields {
  templateId: string;
}

export function GroupTemplateDialog({ group, onClose }: { group: AvailabilityGroup; onClose: () => void }) {
  const say = useTexts(computeTexts);
  const templates = useQuery({ queryKey: ["instanceTemplates", "all"], queryFn: () => everything(instanceTemplates) });
  const { form, conflict } = useEditor<Fields>({
    initial: { templateId: group.instanceTemplateId },
    read: async () => ({ templateId: (await availabilityGroup(group.id)).instanceTemplateId }),
    check: (values) => ({ templateId: chosen(values.templateId) }),
    names: { templateId: ["instanceTemplateId", "instance"] },
    labels: { templateId: say("ag.template") },
    save: (_, values) => setTemplateOfGroup(group.id, values.templateId),
    onSaved: () => {
      notify({ type: "success", text: say("save.done", { name: group.name }) });
      onClose();
    },
    onReload: onClose,
  });
  const fitting = (templates.data ?? []).filter(({ instanceTemplateData }) => instanceTemplateData.vpcId === group.vpcId);
  return (
    <>
      <FormDialog form={form} title={say("ag.setTemplate.title", { name: group.name })} submitText={say("action.save")} onClose={onClose}>
        <ChoiceField
          form={form}
          field="templateId"
          label={say("ag.template")}
          hint={say("ag.setTemplate.hint")}
          loading={templates.isPending}
          choices={fitting.map((it) => ({
            value: it.id,
            label: it.name,
            description: `${it.instanceTemplateData.imageId} · ${it.instanceTemplateData.instanceType}`,
          }))}
        />
      </FormDialog>
      {conflict}
    </>
  );
}
