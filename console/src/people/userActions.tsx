// What can be done with a user, in the list and on its page.

import { useQuery } from "@tanstack/react-query";

import { everything } from "../api/pages";
import { end, session, useMay } from "../api/session";
import { useCell } from "../app/cell";
import { notify } from "../app/notices";
import { ChoiceField, DescriptionField, NameField, SwitchField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { description, name } from "../form/problems";
import { useEditor } from "../form/useEditor";
import { DeleteDialog } from "../resource/DeleteDialog";
import type { RowAction } from "../resource/RowActions";
import { useAction } from "../resource/useAction";
import { useTexts } from "../texts/texts";
import { deleteUser, updateUser, user, type User, users } from "./api";
import { ChangePasswordDialog, SetPasswordDialog } from "./PasswordDialogs";
import { isLastAdmin, ROLES } from "./roles";
import { type PeopleKey, peopleTexts } from "./texts";

export interface UserAction {
  kind: "changePassword" | "delete" | "edit" | "setPassword";
  user: User;
}

/** Who is logged in, as the users name it. */
export function useOwnId(): string {
  return useCell(session)?.userId ?? "";
}

function useIsLastAdmin(): (userId: string) => boolean {
  const { data } = useQuery({
    queryKey: ["users", "admins"],
    queryFn: () => everything(users, [{ name: "role", operator: "eq", values: ["Admin"] }]),
  });
  return (userId) => isLastAdmin(userId, data ?? []);
}

export function useUserActions(begin: (action: UserAction) => void): (user: User) => RowAction[] {
  const say = useTexts(peopleTexts);
  const may = useMay("Admin");
  const ownId = useOwnId();
  const isLast = useIsLastAdmin();
  const power = useAction(
    (it: User) => updateUser(it.userId, { enabled: !it.enabled }),
    (it) => say(it.enabled ? "user.disable.done" : "user.enable.done", { name: it.userName }),
  );
  return (it) => {
    const kept = isLast(it.userId) ? { disabled: true, disabledReason: say("user.last") } : {};
    const isOwn = it.userId === ownId;
    const change: RowAction = { id: "password", text: say("password.change"), act: () => begin({ kind: "changePassword", user: it }) };
    if (!may) return isOwn ? [change] : [];
    return [
      { id: "edit", text: say("action.edit"), act: () => begin({ kind: "edit", user: it }) },
      // Setting one's own would end one's own session, too.
      isOwn ? change : { id: "password", text: say("password.set"), act: () => begin({ kind: "setPassword", user: it }) },
      { id: "power", text: say(it.enabled ? "user.disable" : "user.enable"), act: () => power.run(it), ...kept },
      { id: "delete", text: say("action.delete"), act: () => begin({ kind: "delete", user: it }), ...kept },
    ];
  };
}

export function UserDialogs({ acting, onClose, onDeleted }: { acting: UserAction | null; onClose: () => void; onDeleted?: () => void }) {
  const say = useTexts(peopleTexts);
  const ownId = useOwnId();
  if (acting === null) return null;
  const { kind, user: it } = acting;
  const isOwn = it.userId === ownId;
  switch (kind) {
    case "changePassword":
      return <ChangePasswordDialog userId={it.userId} onClose={onClose} />;
    case "setPassword":
      return <SetPasswordDialog key={it.userId} user={it} onClose={onClose} />;
    case "edit":
      return <EditDialog key={it.userId} was={it} onClose={onClose} />;
    case "delete":
      return (
        <DeleteDialog
          what={say("user.kind")}
          name={it.userName}
          id={it.userId}
          consequence={isOwn ? say("user.delete.self") : say("user.delete.text")}
          remove={() => deleteUser(it.userId)}
          onClose={onClose}
          onDeleted={() => (isOwn ? end() : onDeleted?.())}
        />
      );
  }
}

interface EditFields {
  userName: string;
  description: string;
  role: User["role"];
  enabled: boolean;
}

function fieldsOf({ userName, description: text, role, enabled }: User): EditFields {
  return { userName, description: text, role, enabled };
}

function EditDialog({ was, onClose }: { was: User; onClose: () => void }) {
  const say = useTexts(peopleTexts);
  const isLast = useIsLastAdmin()(was.userId);
  const { form, conflict } = useEditor<EditFields, PeopleKey>({
    initial: fieldsOf(was),
    texts: peopleTexts,
    read: async () => fieldsOf(await user(was.userId)),
    check: (values) => ({
      userName: name(values.userName),
      description: description(values.description),
      role: isLast && values.role !== "Admin" ? ["user.last"] : undefined,
      enabled: isLast && !values.enabled ? ["user.last"] : undefined,
    }),
    names: { userName: ["userName", "user"], description: ["description"], role: ["role"], enabled: ["enabled"] },
    labels: { userName: say("field.name"), description: say("field.description"), role: say("user.role"), enabled: say("user.state") },
    save: (typed) => updateUser(was.userId, typed),
    onSaved: () => {
      notify({ type: "success", text: say("save.done", { name: form.values.userName }) });
      onClose();
    },
    onReload: onClose,
  });
  return (
    <>
      <FormDialog form={form} title={say("user.edit", { name: was.userName })} submitText={say("action.save")} onClose={onClose}>
        <NameField form={form} field="userName" autoFocus />
        <ChoiceField
          form={form}
          field="role"
          label={say("user.role")}
          choices={ROLES.map((role) => ({ value: role, label: say(`role.${role}`), description: say(`role.${role}.hint`) }))}
        />
        <SwitchField
          form={form}
          field="enabled"
          label={say("user.state")}
          hint={say("user.enabled.hint")}
          text={say(form.values.enabled ? "user.enabled" : "user.disabled")}
        />
        <DescriptionField form={form} field="description" />
      </FormDialog>
      {conflict}
    </>
  );
}
