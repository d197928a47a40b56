// A new availability group with its first instances, over the page that needs it.

import { notify } from "../app/notices";
import { useZones } from "../app/region";
import { FormDialog } from "../form/FormDialog";
import { useForm } from "../form/useForm";
import { useTexts } from "../texts/texts";
import { checkGroup, GROUP_NAMES, type GroupFields, sizeOf, USUAL_GROUP, type Within } from "./groupFields";
import { GroupFieldsForm } from "./GroupFieldsForm";
import { makeGroup } from "./groups";
import { type ComputeKey, computeTexts } from "./texts";

interface Props {
  within: Within;
  onClose: () => void;
  onCreated: (agId: string) => void;
}

export function CreateGroupDialog({ within, onClose, onCreated }: Props) {
  const say = useTexts(computeTexts);
  const zones = useZones();
  const form = useForm<GroupFields, ComputeKey>({
    initial: USUAL_GROUP,
    texts: computeTexts,
    check: (values) => checkGroup(values, zones),
    names: GROUP_NAMES,
    send: async (values) => {
      const agId = await makeGroup(values, zones);
      notify({ type: "success", text: say("ag.created", { name: values.agName, count: sizeOf(values) }) });
      onCreated(agId);
      onClose();
    },
  });
  return (
    <FormDialog form={form} title={say("ag.create")} submitText={say("action.create")} onClose={onClose}>
      <GroupFieldsForm form={form} within={within} />
    </FormDialog>
  );
}
