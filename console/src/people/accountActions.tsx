// What can be done with an account, in the list and on its page.

import { session, useMay } from "../api/session";
import { useCell } from "../app/cell";
import { notify } from "../app/notices";
import { DescriptionField, NameField, SwitchField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { description, name } from "../form/problems";
import { useEditor } from "../form/useEditor";
import { DeleteDialog } from "../resource/DeleteDialog";
import type { RowAction } from "../resource/RowActions";
import { useAction } from "../resource/useAction";
import { useTexts } from "../texts/texts";
import { type Account, account, deleteAccount, updateAccount } from "./api";
import { type PeopleKey, peopleTexts } from "./texts";

export interface AccountAction {
  kind: "delete" | "edit";
  account: Account;
}

/** Whether it is the one that operates the region: who sees accounts belongs to it. */
export function useIsOperating(): (it: Pick<Account, "accountName">) => boolean {
  const own = useCell(session)?.account;
  return (it) => it.accountName === own;
}

export function useAccountActions(begin: (action: AccountAction) => void): (it: Account) => RowAction[] {
  const say = useTexts(peopleTexts);
  const may = useMay("Admin");
  const isOperating = useIsOperating();
  const power = useAction(
    (it: Account) => updateAccount(it.accountId, { enabled: !it.enabled }),
    (it) => say(it.enabled ? "account.disable.done" : "user.enable.done", { name: it.accountName }),
  );
  return (it) => {
    if (!may) return [];
    const kept = isOperating(it) ? { disabled: true, disabledReason: say("account.operating.kept") } : {};
    return [
      { id: "edit", text: say("action.edit"), act: () => begin({ kind: "edit", account: it }) },
      { id: "power", text: say(it.enabled ? "user.disable" : "user.enable"), act: () => power.run(it), ...kept },
      { id: "delete", text: say("action.delete"), act: () => begin({ kind: "delete", account: it }), ...kept },
    ];
  };
}

export function AccountDialogs({ acting, onClose, onDeleted }: { acting: AccountAction | null; onClose: () => void; onDeleted?: () => void }) {
  if (acting === null) return null;
  const { kind, account: it } = acting;
  return kind === "edit" ? (
    <EditDialog key={it.accountId} was={it} onClose={onClose} />
  ) : (
    <Deleting it={it} onClose={onClose} {...(onDeleted === undefined ? {} : { onDeleted })} />
  );
}

function Deleting({ it, onClose, onDeleted }: { it: Account; onClose: () => void; onDeleted?: () => void }) {
  const say = useTexts(peopleTexts);
  return (
    <DeleteDialog
      what={say("account.kind")}
      name={it.accountName}
      id={it.accountId}
      users={async () => {
        const { resourceCount = 0 } = await account(it.accountId);
        return resourceCount === 0 ? [] : [{ text: say("account.has", { count: resourceCount }) }];
      }}
      consequence={say("account.delete.text")}
      remove={() => deleteAccount(it.accountId)}
      onClose={onClose}
      {...(onDeleted === undefined ? {} : { onDeleted })}
    />
  );
}

interface EditFields {
  accountName: string;
  description: string;
  enabled: boolean;
}

function fieldsOf({ accountName, description: text, enabled }: Account): EditFields {
  return { accountName, description: text, enabled };
}

function EditDialog({ was, onClose }: { was: Account; onClose: () => void }) {
  const say = useTexts(peopleTexts);
  const isOperating = useIsOperating()(was);
  const { form, conflict } = useEditor<EditFields, PeopleKey>({
    initial: fieldsOf(was),
    texts: peopleTexts,
    read: async () => fieldsOf(await account(was.accountId)),
    check: (values) => ({
      accountName: name(values.accountName),
      description: description(values.description),
      enabled: isOperating && !values.enabled ? ["account.operating.kept"] : undefined,
    }),
    names: { accountName: ["accountName", "account"], description: ["description"], enabled: ["enabled"] },
    labels: { accountName: say("field.name"), description: say("field.description"), enabled: say("user.state") },
    save: (typed) => updateAccount(was.accountId, typed),
    onSaved: () => {
      notify({ type: "success", text: say("save.done", { name: form.values.accountName }) });
      onClose();
    },
    onReload: onClose,
  });
  return (
    <>
      <FormDialog form={form} title={say("account.edit", { name: was.accountName })} submitText={say("action.save")} onClose={onClose}>
        <NameField form={form} field="accountName" autoFocus />
        <SwitchField
          form={form}
          field="enabled"
          label={say("user.state")}
          hint={say("account.enabled.hint")}
          text={say(form.values.enabled ? "user.enabled" : "user.disabled")}
        />
        <DescriptionField form={form} field="description" />
      </FormDialog>
      {conflict}
    </>
  );
}
