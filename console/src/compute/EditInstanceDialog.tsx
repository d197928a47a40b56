// What can be changed of an instance. What it starts with is asked for first: lists do not have it.

import Box from "@cloudscape-design/components/box";
import Modal from "@cloudscape-design/components/modal";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery } from "@tanstack/react-query";

import { notify } from "../app/notices";
import { Refusal } from "../app/Outcome";
import { DescriptionField, TextField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { useEditor } from "../form/useEditor";
import { useTexts } from "../texts/texts";
import { instance, updateInstance } from "./api";
import { changeSpec, checkInstance, fieldsOf, INSTANCE_NAMES, type InstanceFields } from "./instanceFields";
import { StartFieldsForm } from "./StartFieldsForm";
import { type ComputeKey, computeTexts } from "./texts";

export function EditInstanceDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const say = useTexts(computeTexts);
  const { data, error } = useQuery({ queryKey: ["instance", id, "edited"], queryFn: () => instance(id), staleTime: 0, gcTime: 0, refetchInterval: false });
  if (data !== undefined) return <Editor id={id} initial={fieldsOf(data)} onClose={onClose} />;
  return (
    <Modal visible size="large" header={say("instance.edit")} closeAriaLabel={say("action.close")} onDismiss={onClose}>
      {error === null ? <Box textAlign="center"><Spinner /> {say("list.loading")}</Box> : <Refusal error={error} />}
    </Modal>
  );
}

function Editor({ id, initial, onClose }: { id: string; initial: InstanceFields; onClose: () => void }) {
  const say = useTexts(computeTexts);
  const { form, conflict } = useEditor<InstanceFields, ComputeKey>({
    initial,
    texts: computeTexts,
    read: async () => fieldsOf(await instance(id)),
    check: checkInstance,
    names: INSTANCE_NAMES,
    labels: { name: say("field.name"), description: say("field.description"), script: say("start.script"), metadata: say("start.metadata") },
    save: (typed) => updateInstance(id, changeSpec(typed)),
    onSaved: () => {
      notify({ type: "success", text: say("save.done", { name: form.values.name }) });
      onClose();
    },
    onReload: onClose,
  });
  return (
    <>
      <FormDialog form={form} size="large" title={say("instance.edit")} submitText={say("action.save")} onClose={onClose}>
        <TextField form={form} field="name" autoFocus label={say("field.name")} constraint={say("instance.name.hint")} />
        <DescriptionField form={form} field="description" />
        <StartFieldsForm form={form} hint={say("instance.script.hint")} />
      </FormDialog>
      {conflict}
    </>
  );
}
