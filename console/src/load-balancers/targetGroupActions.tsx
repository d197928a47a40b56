// What can be done with a virtual server group, in the list and on its page.

import { everything } from "../api/pages";
import { notify } from "../app/notices";
import { paths } from "../app/paths";
import { DescriptionField, NameField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { description, name } from "../form/problems";
import { useEditor } from "../form/useEditor";
import { DeleteDialog, type User } from "../resource/DeleteDialog";
import type { RowAction } from "../resource/RowActions";
import { useTexts } from "../texts/texts";
import { backends, deleteTargetGroup, targetGroup, type TargetGroup, updateTargetGroup } from "./api";
import { lbTexts } from "./texts";

export interface GroupAction {
  kind: "delete" | "edit";
  group: TargetGroup;
}

export function useGroupActions(begin: (action: GroupAction) => void): (group: TargetGroup) => RowAction[] {
  const say = useTexts(lbTexts);
  return (group) => [
    { id: "edit", text: say("action.edit"), act: () => begin({ kind: "edit", group }) },
    { id: "delete", text: say("action.delete"), act: () => begin({ kind: "delete", group }) },
  ];
}

async function usersOf({ loadBalancerId, targetGroupId }: TargetGroup, say: (key: "backend.named", values: { name: string }) => string): Promise<User[]> {
  const found = await everything(backends, [{ name: "loadBalancerId", operator: "eq", values: [loadBalancerId] }]);
  return found
    .filter((it) => it.targetGroupIds.includes(targetGroupId))
    .map((it) => ({ text: say("backend.named", { name: it.backendName }), href: paths.backend(loadBalancerId, it.backendId) }));
}

export function GroupDialogs({ acting, onClose, onDeleted }: { acting: GroupAction | null; onClose: () => void; onDeleted?: () => void }) {
  const say = useTexts(lbTexts);
  if (acting === null) return null;
  const { group, kind } = acting;
  if (kind === "edit") return <EditDialog key={group.targetGroupId} was={group} onClose={onClose} />;
  return (
    <DeleteDialog
      what={say("group.targetGroup.kind")}
      name={group.targetGroupName}
      id={group.targetGroupId}
      users={() => usersOf(group, say)}
      remove={() => deleteTargetGroup(group.targetGroupId)}
      onClose={onClose}
      {...(onDeleted === undefined ? {} : { onDeleted })}
    />
  );
}

interface EditFields {
  targetGroupName: string;
  description: string;
}

function fieldsOf({ targetGroupName, description: text }: TargetGroup): EditFields {
  return { targetGroupName, description: text };
}

function EditDialog({ was, onClose }: { was: TargetGroup; onClose: () => void }) {
  const say = useTexts(lbTexts);
  const { form, conflict } = useEditor<EditFields>({
    initial: fieldsOf(was),
    read: async () => fieldsOf(await targetGroup(was.targetGroupId)),
    check: (values) => ({ targetGroupName: name(values.targetGroupName), description: description(values.description) }),
    names: { targetGroupName: ["targetGroupName"], description: ["description"] },
    labels: { targetGroupName: say("field.name"), description: say("field.description") },
    save: (typed) => updateTargetGroup(was.targetGroupId, typed),
    onSaved: () => {
      notify({ type: "success", text: say("save.done", { name: form.values.targetGroupName }) });
      onClose();
    },
    onReload: onClose,
  });
  return (
    <>
      <FormDialog form={form} title={say("group.edit", { name: was.targetGroupName })} submitText={say("action.save")} onClose={onClose}>
        <NameField form={form} field="targetGroupName" autoFocus />
        <DescriptionField form={form} field="description" />
      </FormDialog>
      {conflict}
    </>
  );
}
