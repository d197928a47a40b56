// A new user of the account.

import { notify } from "../app/notices";
import { useGo } from "../app/follow";
import { paths } from "../app/paths";
import type { Role } from "../api/session";
import { ChoiceField, DescriptionField, NameField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { description, name } from "../form/problems";
import { useForm } from "../form/useForm";
import { useTexts } from "../texts/texts";
import { createUser } from "./api";
import { PasswordFields, type Twice } from "./PasswordDialogs";
import { password, repeated } from "./passwords";
import { ROLES } from "./roles";
import { type PeopleKey, peopleTexts } from "./texts";

interface Fields extends Twice {
  userName: string;
  role: Role;
  description: string;
}

export function CreateUserDialog({ onClose }: { onClose: () => void }) {
  const say = useTexts(peopleTexts);
  const go = useGo();
  const form = useForm<Fields, PeopleKey>({
    // The least that there is: who is to do more is given more on purpose.
    initial: { userName: "", role: "Viewer", description: "", password: "", again: "" },
    texts: peopleTexts,
    check: (values) => ({
      userName: name(values.userName),
      description: description(values.description),
      password: values.password === "" ? undefined : password(values.password),
      again: repeated(values.password, values.again),
    }),
    names: { userName: ["userName", "user"], role: ["role"], description: ["description"], password: ["password"], again: [] },
    send: async (values) => {
      const userId = await createUser({
        userName: values.userName,
        role: values.role,
        description: values.description,
        ...(values.password === "" ? {} : { password: values.password }),
      });
      notify({ type: "success", text: say("user.created", { name: values.userName }) });
      onClose();
      go(paths.user(userId));
    },
  });
  return (
    <FormDialog form={form} title={say("user.create")} submitText={say("action.create")} onClose={onClose}>
      <NameField form={form} field="userName" autoFocus />
      <ChoiceField
        form={form}
        field="role"
        label={say("user.role")}
        choices={ROLES.map((role) => ({ value: role, label: say(`role.${role}`), description: say(`role.${role}.hint`) }))}
      />
      <PasswordFields form={form} label={say("password.first")} hint={say("password.optional")} />
      <DescriptionField form={form} field="description" />
    </FormDialog>
  );
}
