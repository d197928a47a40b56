// What can be done with an access key, and how one is made.

import Box from "@cloudscape-design/components/box";

import { notify } from "../app/notices";
import { ChoiceField, DescriptionField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { chosen, description } from "../form/problems";
import { useEditor } from "../form/useEditor";
import { useForm } from "../form/useForm";
import { DeleteDialog } from "../resource/DeleteDialog";
import type { RowAction } from "../resource/RowActions";
import { useAction } from "../resource/useAction";
import { useTexts } from "../texts/texts";
import { everything } from "../api/pages";
import { type AccessKey, accessKeys, createAccessKey, deleteAccessKey, rotateAccessKey, updateAccessKey, type User } from "./api";
import { stateOf } from "./keyState";
import type { Made } from "./SecretDialog";
import { peopleTexts } from "./texts";

export interface KeyAction {
  kind: "delete" | "edit" | "rotate";
  key: AccessKey;
}

/** Seconds for which a rotated key may count beside its successor. */
const OVERLAPS = ["0", "3600", "86400", "604800", "2592000"] as const;
const USUAL_OVERLAP = "86400";

export function useKeyActions(begin: (action: KeyAction) => void): (key: AccessKey) => RowAction[] {
  const say = useTexts(peopleTexts);
  const power = useAction(
    (it: AccessKey) => updateAccessKey(it.accessKeyId, { enabled: !it.enabled }),
    (it) => say(it.enabled ? "key.disabled" : "key.enabled", { id: it.accessKeyId }),
  );
  return (it) => [
    { id: "edit", text: say("action.edit"), act: () => begin({ kind: "edit", key: it }) },
    // What no longer counts can only be deleted.
    ...(stateOf(it, new Date()) === "over"
      ? []
      : [
          { id: "rotate", text: say("key.rotate"), act: () => begin({ kind: "rotate", key: it }) },
          { id: "power", text: say(it.enabled ? "key.disable" : "key.enable"), act: () => power.run(it) },
        ]),
    { id: "delete", text: say("action.delete"), act: () => begin({ kind: "delete", key: it }) },
  ];
}

export function KeyDialogs({ acting, onMade, onClose }: { acting: KeyAction | null; onMade: (made: Made) => void; onClose: () => void }) {
  const say = useTexts(peopleTexts);
  if (acting === null) return null;
  const { kind, key: it } = acting;
  switch (kind) {
    case "rotate":
      return <RotateDialog key={it.accessKeyId} was={it} onMade={onMade} onClose={onClose} />;
    case "edit":
      return <EditDialog key={it.accessKeyId} was={it} onClose={onClose} />;
    case "delete":
      return (
        <DeleteDialog
          what={say("key.kind")}
          name={it.accessKeyId}
          id={it.accessKeyId}
          consequence={say("key.delete.text")}
          remove={() => deleteAccessKey(it.accessKeyId)}
          onClose={onClose}
        />
      );
  }
}

interface CreateProps {
  /** For whom, unless somebody else is chosen. */
  user: Pick<User, "userId" | "userName">;
  /** Who may be chosen; null: nobody else. */
  choices: readonly User[] | null;
  onMade: (made: Made) => void;
  onClose: () => void;
}

export function CreateKeyDialog({ user, choices, onMade, onClose }: CreateProps) {
  const say = useTexts(peopleTexts);
  const form = useForm({
    initial: { userId: user.userId, description: "" },
    check: (values) => ({ userId: chosen(values.userId), description: description(values.description) }),
    names: { userId: ["userId"], description: ["description"] },
    send: async (values) => {
      const key = await createAccessKey(values.userId, values.description);
      onMade({ ...key, userName: choices?.find((it) => it.userId === values.userId)?.userName ?? user.userName });
      onClose();
    },
  });
  return (
    <FormDialog form={form} title={say("key.create")} submitText={say("action.create")} onClose={onClose}>
      {choices !== null && (
        <ChoiceField
          form={form}
          field="userId"
          label={say("key.user")}
          hint={say("key.user.hint")}
          choices={choices.map((it) => ({ value: it.userId, label: it.userName, description: say(`role.${it.role}`) }))}
        />
      )}
      <DescriptionField form={form} field="description" />
    </FormDialog>
  );
}

function EditDialog({ was, onClose }: { was: AccessKey; onClose: () => void }) {
  const say = useTexts(peopleTexts);
  const { form, conflict } = useEditor({
    initial: { description: was.description },
    read: async () => {
      const ofUser = await everything(accessKeys, [{ name: "userId", operator: "eq", values: [was.userId] }]);
      return { description: ofUser.find(({ accessKeyId }) => accessKeyId === was.accessKeyId)?.description ?? "" };
    },
    check: (values) => ({ description: description(values.description) }),
    names: { description: ["description"] },
    labels: { description: say("field.description") },
    save: (typed) => updateAccessKey(was.accessKeyId, typed),
    onSaved: () => {
      notify({ type: "success", text: say("save.done", { name: was.accessKeyId }) });
      onClose();
    },
    onReload: onClose,
  });
  return (
    <>
      <FormDialog form={form} title={say("key.edit", { id: was.accessKeyId })} submitText={say("action.save")} onClose={onClose}>
        <DescriptionField form={form} field="description" />
      </FormDialog>
      {conflict}
    </>
  );
}

function RotateDialog({ was, onMade, onClose }: { was: AccessKey; onMade: (made: Made) => void; onClose: () => void }) {
  const say = useTexts(peopleTexts);
  const form = useForm({
    initial: { overlap: USUAL_OVERLAP as string },
    check: (values) => ({ overlap: chosen(values.overlap) }),
    names: { overlap: ["graceSeconds"] },
    send: async (values) => {
      const key = await rotateAccessKey(was.accessKeyId, Number(values.overlap));
      onMade({ ...key, userName: was.userName });
      onClose();
    },
  });
  return (
    <FormDialog form={form} title={say("key.rotate.of", { id: was.accessKeyId })} submitText={say("key.rotate")} onClose={onClose}>
      <Box>{say("key.rotate.text")}</Box>
      <ChoiceField
        form={form}
        field="overlap"
        label={say("key.overlap")}
        hint={say("key.overlap.hint")}
        choices={OVERLAPS.map((seconds) => ({ value: seconds, label: say(`key.overlap.${seconds}`) }))}
      />
    </FormDialog>
  );
}
