// What can be done with a listener, in the list and on its page.

import { useQuery } from "@tanstack/react-query";

import { everything } from "../api/pages";
import { notify } from "../app/notices";
import { ChoiceField, DescriptionField, NameField, TextField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { chosen, description, integer, name, range } from "../form/problems";
import { useEditor } from "../form/useEditor";
import { DeleteDialog } from "../resource/DeleteDialog";
import type { RowAction } from "../resource/RowActions";
import { useAction } from "../resource/useAction";
import { useTexts } from "../texts/texts";
import { backends, deleteListener, listener, type Listener, updateListener } from "./api";
import { lbTexts } from "./texts";

export interface ListenerAction {
  kind: "delete" | "edit";
  listener: Listener;
}

export function useListenerActions(begin: (action: ListenerAction) => void): (listener: Listener) => RowAction[] {
  const say = useTexts(lbTexts);
  const power = useAction(
    (it: Listener) => updateListener(it.listenerId, { status: it.status === "On" ? "Off" : "On" }),
    (it) => say(it.status === "On" ? "listener.stopped" : "listener.started", { name: it.listenerName }),
  );
  return (it) => [
    { id: "edit", text: say("action.edit"), act: () => begin({ kind: "edit", listener: it }) },
    { id: "power", text: say(it.status === "On" ? "listener.stop" : "listener.start"), act: () => power.run(it) },
    { id: "delete", text: say("action.delete"), act: () => begin({ kind: "delete", listener: it }) },
  ];
}

export function ListenerDialogs({ acting, onClose, onDeleted }: { acting: ListenerAction | null; onClose: () => void; onDeleted?: () => void }) {
  const say = useTexts(lbTexts);
  if (acting === null) return null;
  const { listenerId, listenerName } = acting.listener;
  if (acting.kind === "edit") return <EditDialog key={listenerId} was={acting.listener} onClose={onClose} />;
  return (
    <DeleteDialog
      what={say("listener.kind")}
      name={listenerName}
      id={listenerId}
      consequence={say("listener.delete.text")}
      remove={() => deleteListener(listenerId)}
      onClose={onClose}
      {...(onDeleted === undefined ? {} : { onDeleted })}
    />
  );
}

interface EditFields {
  listenerName: string;
  description: string;
  backendId: string;
  idleSeconds: string;
}

function fieldsOf(it: Listener): EditFields {
  return {
    listenerName: it.listenerName,
    description: it.description,
    backendId: it.backendId,
    idleSeconds: String(it.connectionIdleTimeSeconds ?? ""),
  };
}

function EditDialog({ was, onClose }: { was: Listener; onClose: () => void }) {
  const say = useTexts(lbTexts);
  const candidates = useQuery({
    queryKey: ["backends", "all", was.loadBalancerId],
    queryFn: () => everything(backends, [{ name: "loadBalancerId", operator: "eq", values: [was.loadBalancerId] }]),
  });
  const { form, conflict } = useEditor<EditFields>({
    initial: fieldsOf(was),
    read: async () => fieldsOf(await listener(was.listenerId)),
    check: (values) => ({
      listenerName: name(values.listenerName),
      description: description(values.description),
      backendId: chosen(values.backendId),
      idleSeconds: range(values.idleSeconds, 10, 86_400),
    }),
    names: {
      listenerName: ["listenerName"],
      description: ["description"],
      backendId: ["backendId", "backend"],
      idleSeconds: ["connectionIdleTimeSeconds"],
    },
    labels: {
      listenerName: say("field.name"),
      description: say("field.description"),
      backendId: say("backend.title"),
      idleSeconds: say("listener.idle"),
    },
    save: ({ listenerName, description: text, backendId, idleSeconds }) =>
      updateListener(was.listenerId, {
        ...(listenerName === undefined ? {} : { listenerName }),
        ...(text === undefined ? {} : { description: text }),
        ...(backendId === undefined ? {} : { backendId }),
        ...(idleSeconds === undefined ? {} : { connectionIdleTimeSeconds: integer(idleSeconds) }),
      }),
    onSaved: () => {
      notify({ type: "success", text: say("save.done", { name: form.values.listenerName }) });
      onClose();
    },
    onReload: onClose,
  });
  return (
    <>
      <FormDialog form={form} title={say("listener.edit", { name: was.listenerName })} submitText={say("action.save")} onClose={onClose}>
        <NameField form={form} field="listenerName" autoFocus />
        <ChoiceField
          form={form}
          field="backendId"
          label={say("backend.title")}
          hint={say("listener.backend.hint")}
          loading={candidates.isPending}
          choices={(candidates.data ?? [])
            .filter(({ protocol }) => protocol === was.protocol)
            .map((it) => ({ value: it.backendId, label: it.backendName, description: `${it.protocol.toUpperCase()}:${it.port}` }))}
        />
        <TextField form={form} field="idleSeconds" numeric label={say("listener.idle")} hint={say("listener.idle.hint")} />
        <DescriptionField form={form} field="description" />
      </FormDialog>
      {conflict}
    </>
  );
}
