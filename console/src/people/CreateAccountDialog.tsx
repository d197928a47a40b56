// A new account, with somebody who can begin.

import { notify } from "../app/notices";
import { DescriptionField, NameField, TextField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { description, name } from "../form/problems";
import { useForm } from "../form/useForm";
import { useTexts } from "../texts/texts";
import { createAccount } from "./api";
import { PasswordFields, type Twice } from "./PasswordDialogs";
import { password, repeated } from "./passwords";
import type { Made } from "./SecretDialog";
import { type PeopleKey, peopleTexts } from "./texts";

interface Fields extends Twice {
  accountName: string;
  description: string;
  adminName: string;
}

export function CreateAccountDialog({ onMade, onClose }: { onMade: (made: Made) => void; onClose: () => void }) {
  const say = useTexts(peopleTexts);
  const form = useForm<Fields, PeopleKey>({
    initial: { accountName: "", description: "", adminName: "admin", password: "", again: "" },
    texts: peopleTexts,
    check: (values) => ({
      accountName: name(values.accountName),
      description: description(values.description),
      adminName: name(values.adminName),
      password: values.password === "" ? undefined : password(values.password),
      again: repeated(values.password, values.again),
    }),
    names: {
      accountName: ["accountName", "account"],
      description: ["description"],
      adminName: ["adminName"],
      password: ["adminPassword"],
      again: [],
    },
    send: async (values) => {
      const { accountName, adminName } = values;
      const { accessKeyId, secretKey } = await createAccount({
        accountName,
        adminName,
        description: values.description,
        ...(values.password === "" ? {} : { adminPassword: values.password }),
      });
      notify({ type: "success", text: say("account.created", { name: accountName }) });
      onMade({ accessKeyId, secretKey, userName: `${adminName} (${accountName})` });
    },
  });
  return (
    <FormDialog form={form} title={say("account.create")} submitText={say("action.create")} onClose={onClose}>
      <NameField form={form} field="accountName" autoFocus />
      <DescriptionField form={form} field="description" />
      <TextField form={form} field="adminName" label={say("account.admin")} hint={say("account.admin.hint")} constraint={say("field.name.hint")} />
      <PasswordFields form={form} label={say("password.first")} hint={say("account.admin.password")} />
    </FormDialog>
  );
}
