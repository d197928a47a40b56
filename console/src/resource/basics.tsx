// What can be done with a resource of any kind: edit and delete it, and what its kind has beside.

import { type ReactNode, useState } from "react";

import { type Role, useMay } from "../api/session";
import { notify } from "../app/notices";
import { DescriptionField, NameField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { description, name } from "../form/problems";
import { useEditor } from "../form/useEditor";
import { useTexts } from "../texts/texts";
import { DeleteDialog, type User } from "./DeleteDialog";
import type { Column } from "./ResourceTable";
import { type RowAction, RowActions } from "./RowActions";

export interface Kind<Item> {
  /** In the user's language. */
  what: string;
  id: (item: Item) => string;
  name: (item: Item) => string;
  /** The dialog to edit it, such as `EditBasics`. */
  editor: (item: Item, onClose: () => void) => ReactNode;
  /** Between edit and delete. */
  more?: (item: Item) => readonly RowAction[];
  /** Who would make the API refuse to delete it. */
  users?: (item: Item) => Promise<readonly User[]>;
  /** What becomes of things around it. */
  consequence?: (item: Item) => ReactNode;
  remove: (id: string) => Promise<unknown>;
  onDeleted?: () => void;
  /** The role that changes take. */
  takes?: Role;
}

export interface Basics<Item> {
  may: boolean;
  /** None, for who may do nothing. */
  actionsOf: (item: Item) => readonly RowAction[];
  /** The column *Operation* of a list, if there is anything to do. */
  operation: readonly Column<Item>[];
  /** To be drawn beside the list or page. */
  dialogs: ReactNode;
}

export function useBasics<Item>(kind: Kind<Item>): Basics<Item> {
  const say = useTexts();
  const may = useMay(kind.takes ?? "Operator");
  const [acting, setActing] = useState<{ item: Item; isEdit: boolean } | null>(null);
  const close = () => setActing(null);

  function actionsOf(item: Item): readonly RowAction[] {
    if (!may) return [];
    return [
      { id: "edit", text: say("action.edit"), act: () => setActing({ item, isEdit: true }) },
      ...(kind.more?.(item) ?? []),
      { id: "delete", text: say("action.delete"), act: () => setActing({ item, isEdit: false }) },
    ];
  }

  function dialog({ item, isEdit }: { item: Item; isEdit: boolean }) {
    if (isEdit) return kind.editor(item, close);
    return (
      <DeleteDialog
        what={kind.what}
        name={kind.name(item)}
        id={kind.id(item)}
        users={async () => (await kind.users?.(item)) ?? []}
        consequence={kind.consequence?.(item)}
        remove={() => kind.remove(kind.id(item))}
        onClose={close}
        onDeleted={kind.onDeleted}
      />
    );
  }

  return {
    may,
    actionsOf,
    operation: may
      ? [{ id: "operation", header: say("list.operation"), cell: (item) => <RowActions name={kind.name(item)} more={actionsOf(item)} /> }]
      : [],
    dialogs: acting === null ? null : dialog(acting),
  };
}

interface BasicFields {
  name: string;
  description: string;
}

interface EditProps<NameField extends string> {
  /** In the user's language. */
  what: string;
  was: Record<NameField | "description", string>;
  /** What the API calls its name. */
  nameField: NameField;
  read: () => Promise<Record<NameField | "description", string>>;
  save: (changes: Partial<Record<NameField | "description", string>>) => Promise<unknown>;
  onClose: () => void;
}

/** Edits a name and a description, of what has no more to edit. */
export function EditBasics<Name extends string>({ what, was, nameField, read, save, onClose }: EditProps<Name>) {
  const say = useTexts();
  const fieldsOf = (item: Record<Name | "description", string>): BasicFields => ({ name: item[nameField], description: item.description });
  const { form, conflict } = useEditor<BasicFields>({
    initial: fieldsOf(was),
    read: async () => fieldsOf(await read()),
    check: (values) => ({ name: name(values.name), description: description(values.description) }),
    names: { name: [nameField], description: ["description"] },
    labels: { name: say("field.name"), description: say("field.description") },
    save: async (typed) => {
      const changes: Partial<Record<string, string>> = {};
      if (typed.name !== undefined) changes[nameField] = typed.name;
      if (typed.description !== undefined) changes.description = typed.description;
      await save(changes as Partial<Record<Name | "description", string>>);
    },
    onSaved: () => {
      notify({ type: "success", text: say("save.done", { name: form.values.name }) });
      onClose();
    },
    onReload: onClose,
  });
  return (
    <>
      <FormDialog form={form} title={say("edit.title", { what, name: was[nameField] })} submitText={say("action.save")} onClose={onClose}>
        <NameField form={form} field="name" autoFocus />
        <DescriptionField form={form} field="description" />
      </FormDialog>
      {conflict}
    </>
  );
}
