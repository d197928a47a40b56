// What can be done with an instance template, in the list and on its page.

import { useGo } from "../app/follow";
import { paths } from "../app/paths";
import { DeleteDialog, type User } from "../resource/DeleteDialog";
import type { RowAction } from "../resource/RowActions";
import { useTexts } from "../texts/texts";
import { deleteInstanceTemplate, instanceTemplate, type InstanceTemplate } from "./api";
import { computeTexts } from "./texts";

export function useTemplateActions(beginDelete: (template: InstanceTemplate) => void): (template: InstanceTemplate) => RowAction[] {
  const say = useTexts(computeTexts);
  const go = useGo();
  return (template) => [
    { id: "edit", text: say("action.edit"), act: () => go(paths.editInstanceTemplate(template.id)) },
    { id: "delete", text: say("action.delete"), act: () => beginDelete(template) },
  ];
}

async function usersOf(id: string, say: (key: "ag.named", values: { name: string }) => string): Promise<User[]> {
  const { ags } = await instanceTemplate(id);
  return ags.map((ag) => ({ text: say("ag.named", { name: ag.name }), href: paths.availabilityGroup(ag.id) }));
}

interface Props {
  /** None: nothing is to be deleted. */
  template: InstanceTemplate | null;
  onClose: () => void;
  onDeleted?: () => void;
}

export function DeleteTemplateDialog({ template, onClose, onDeleted }: Props) {
  const say = useTexts(computeTexts);
  if (template === null) return null;
  return (
    <DeleteDialog
      what={say("template.kind")}
      name={template.name}
      id={template.id}
      users={() => usersOf(template.id, say)}
      consequence={say("template.delete")}
      remove={() => deleteInstanceTemplate(template.id)}
      onClose={onClose}
      {...(onDeleted === undefined ? {} : { onDeleted })}
    />
  );
}
