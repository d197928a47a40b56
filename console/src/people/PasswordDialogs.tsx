// Another password: one's own, or by an administrator that of somebody else.

import Box from "@cloudscape-design/components/box";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { notify } from "../app/notices";
import { TextField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { required } from "../form/problems";
import { type Form, useForm } from "../form/useForm";
import { useTexts } from "../texts/texts";
import { changePassword, updateUser, type User } from "./api";
import { LEAST, MOST, password, repeated } from "./passwords";
import { type PeopleKey, peopleTexts } from "./texts";

export interface Twice {
  password: string;
  again: string;
}

/** A new password, typed twice: nobody sees what is typed. */
export function PasswordFields({ form, label, hint, autoFocus = false }: { form: Form<Twice>; label: string; hint?: string; autoFocus?: boolean }) {
  const say = useTexts(peopleTexts);
  const constraint = say("password.hint", { least: LEAST, most: MOST });
  return (
    <SpaceBetween size="m">
      <TextField form={form} field="password" type="password" autoComplete="new-password" autoFocus={autoFocus} label={label} hint={hint} constraint={constraint} />
      <TextField form={form} field="again" type="password" autoComplete="new-password" label={say("password.again")} />
    </SpaceBetween>
  );
}

export function ChangePasswordDialog({ userId, onClose }: { userId: string; onClose: () => void }) {
  const say = useTexts(peopleTexts);
  const form = useForm<Twice & { old: string }, PeopleKey>({
    initial: { old: "", password: "", again: "" },
    texts: peopleTexts,
    check: (values) => ({
      old: required(values.old),
      password: password(values.password),
      again: repeated(values.password, values.again),
    }),
    names: { old: ["oldPassword"], password: ["newPassword"], again: [] },
    send: async (values) => {
      await changePassword(userId, values.old, values.password);
      notify({ type: "success", text: say("password.change.done") });
      onClose();
    },
  });
  return (
    <FormDialog form={form} title={say("password.change.of")} submitText={say("password.change")} onClose={onClose}>
      <Box>{say("password.change.text")}</Box>
      <TextField form={form} field="old" type="password" autoComplete="current-password" autoFocus label={say("password.old")} />
      <PasswordFields form={form} label={say("password.new")} />
    </FormDialog>
  );
}

export function SetPasswordDialog({ user, onClose }: { user: User; onClose: () => void }) {
  const say = useTexts(peopleTexts);
  const form = useForm<Twice, PeopleKey>({
    initial: { password: "", again: "" },
    texts: peopleTexts,
    check: (values) => ({ password: password(values.password), again: repeated(values.password, values.again) }),
    names: { password: ["password"], again: [] },
    send: async (values) => {
      await updateUser(user.userId, { password: values.password });
      notify({ type: "success", text: say("password.set.done", { name: user.userName }) });
      onClose();
    },
  });
  return (
    <FormDialog form={form} title={say("password.set.of", { name: user.userName })} submitText={say("password.set")} onClose={onClose}>
      <Box>{say("password.set.text")}</Box>
      <PasswordFields form={form} label={say("password.new")} autoFocus />
    </FormDialog>
  );
}
