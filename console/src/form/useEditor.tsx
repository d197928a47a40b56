// Editing what is there: nobody overwrites unawares what somebody else has saved meanwhile.
//
// The API has no revisions to make a change conditional on. So the resource is read again just before the change and compared with what it was
// when the editor was opened.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { type ReactNode, useState } from "react";

import type { Catalogue } from "../texts/catalogue";
import { useTexts } from "../texts/texts";
import { type Change, changedMeanwhile, edited } from "./draft";
import type { Problems } from "./problems";
import { type Form, useForm } from "./useForm";

interface Options<Fields extends object, Key extends string> {
  /** As it was when the editor was opened. */
  initial: Fields;
  /** As it is now. */
  read: () => Promise<Fields>;
  check: (values: Fields) => Problems<Fields, Key>;
  names: Record<keyof Fields & string, readonly string[]>;
  texts?: Catalogue<Key>;
  /** Sends what was typed. */
  save: (changes: Partial<Fields>, values: Fields) => Promise<void>;
  onSaved: () => void;
  /** The user gives up what was typed, to see what is there now. */
  onReload: () => void;
  labels: Record<keyof Fields & string, string>;
}

export interface Editor<Fields extends object> {
  form: Form<Fields>;
  /** To be drawn beside the form. */
  conflict: ReactNode;
}

export function useEditor<Fields extends object, Key extends string = never>(options: Options<Fields, Key>): Editor<Fields> {
  const [initial] = useState(options.initial);
  const [seen, setSeen] = useState(initial);
  const [changes, setChanges] = useState<readonly Change[] | null>(null);

  const form = useForm<Fields, Key>({
    initial,
    check: options.check,
    names: options.names,
    texts: options.texts,
    send: async (values) => {
      const now = await options.read();
      const typed = edited(initial, values);
      const meanwhile = changedMeanwhile(seen, now, typed);
      // Whoever goes on from there has seen it.
      setSeen(now);
      if (meanwhile.length > 0) {
        setChanges(meanwhile);
        return;
      }
      if (Object.keys(typed).length > 0) await options.save(typed, values);
      options.onSaved();
    },
  });

  const conflict =
    changes === null ? null : (
      <ConflictDialog
        changes={changes}
        labels={options.labels}
        onOverwrite={() => {
          setChanges(null);
          form.submit();
        }}
        onReload={options.onReload}
        onClose={() => setChanges(null)}
      />
    );
  return { form, conflict };
}

function useShown(): (value: unknown) => string {
  const say = useTexts();
  return (value) => {
    if (typeof value === "boolean") return say(value ? "field.yes" : "field.no");
    if (value === "" || value === null || value === undefined) return say("field.none");
    return typeof value === "object" ? JSON.stringify(value) : String(value);
  };
}

function ConflictDialog({
  changes,
  labels,
  onOverwrite,
  onReload,
  onClose,
}: {
  changes: readonly Change[];
  labels: Record<string, string>;
  onOverwrite: () => void;
  onReload: () => void;
  onClose: () => void;
}) {
  const say = useTexts();
  const shown = useShown();
  return (
    <Modal
      visible
      size="large"
      header={say("conflict.title")}
      closeAriaLabel={say("action.close")}
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button onClick={onOverwrite}>{say("conflict.overwrite")}</Button>
            <Button variant="primary" onClick={onReload}>{say("conflict.reload")}</Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <Box>{say("conflict.text")}</Box>
        <Table
          variant="embedded"
          items={[...changes]}
          trackBy="field"
          columnDefinitions={[
            { id: "field", header: say("conflict.field"), cell: ({ field }) => labels[field] ?? field, isRowHeader: true },
            { id: "before", header: say("conflict.before"), cell: ({ before }) => shown(before) },
            { id: "now", header: say("conflict.now"), cell: ({ now }) => shown(now) },
            { id: "yours", header: say("conflict.yours"), cell: ({ yours }) => shown(yours) },
          ]}
        />
      </SpaceBetween>
    </Modal>
  );
}
