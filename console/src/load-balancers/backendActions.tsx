// What can be done with a backend service, in the list and on its page.

import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";

import { everything } from "../api/pages";
import { notify } from "../app/notices";
import { paths } from "../app/paths";
import { FormDialog } from "../form/FormDialog";
import { useEditor } from "../form/useEditor";
import { DeleteDialog, type User } from "../resource/DeleteDialog";
import type { RowAction } from "../resource/RowActions";
import { useAction } from "../resource/useAction";
import { useTexts } from "../texts/texts";
import { backend, type Backend, deleteBackend, listeners, type LoadBalancer, updateBackend } from "./api";
import { BACKEND_NAMES, type BackendFields, checkBackend, fieldsOf, updateSpec } from "./backendFields";
import { HealthCheckFields, ServerGroupFields, ServiceFields } from "./BackendForm";
import { type LbKey, lbTexts } from "./texts";
import { useServerGroups } from "./useBalancer";

export interface BackendAction {
  kind: "delete" | "edit" | "group";
  backend: Backend;
}

export function useBackendActions(begin: (action: BackendAction) => void): (backend: Backend) => RowAction[] {
  const say = useTexts(lbTexts);
  const checks = useAction(
    (it: Backend) => updateBackend(it.backendId, { closeHealthCheck: !it.closeHealthCheck }),
    (it) => say(it.closeHealthCheck ? "check.opened" : "check.closed", { name: it.backendName }),
  );
  return (it) => [
    { id: "edit", text: say("action.edit"), act: () => begin({ kind: "edit", backend: it }) },
    { id: "group", text: say("backend.changeGroup"), act: () => begin({ kind: "group", backend: it }) },
    { id: "checks", text: say(it.closeHealthCheck ? "check.open" : "check.close"), act: () => checks.run(it) },
    { id: "delete", text: say("action.delete"), act: () => begin({ kind: "delete", backend: it }) },
  ];
}

async function usersOf(it: Backend, say: (key: "listener.named", values: { name: string }) => string): Promise<User[]> {
  const found = await everything(listeners, [{ name: "loadBalancerId", operator: "eq", values: [it.loadBalancerId] }]);
  return found
    .filter(({ backendId }) => backendId === it.backendId)
    .map(({ listenerId, listenerName }) => ({ text: say("listener.named", { name: listenerName }), href: paths.listener(it.loadBalancerId, listenerId) }));
}

interface Props {
  acting: BackendAction | null;
  balancer: LoadBalancer;
  onClose: () => void;
  onDeleted?: () => void;
}

export function BackendDialogs({ acting, balancer, onClose, onDeleted }: Props) {
  const say = useTexts(lbTexts);
  if (acting === null) return null;
  const { backend: it, kind } = acting;
  if (kind !== "delete") return <EditDialog key={`${kind} ${it.backendId}`} was={it} part={kind} balancer={balancer} onClose={onClose} />;
  return (
    <DeleteDialog
      what={say("backend.kind")}
      name={it.backendName}
      id={it.backendId}
      users={() => usersOf(it, say)}
      consequence={say("backend.delete.text")}
      remove={() => deleteBackend(it.backendId)}
      onClose={onClose}
      {...(onDeleted === undefined ? {} : { onDeleted })}
    />
  );
}

function EditDialog({ was, part, balancer, onClose }: { was: Backend; part: "edit" | "group"; balancer: LoadBalancer; onClose: () => void }) {
  const say = useTexts(lbTexts);
  const groups = useServerGroups(balancer);
  const { form, conflict } = useEditor<BackendFields, LbKey>({
    initial: fieldsOf(was),
    read: async () => fieldsOf(await backend(was.backendId)),
    check: checkBackend,
    names: BACKEND_NAMES,
    texts: lbTexts,
    labels: {
      backendName: say("field.name"),
      backendDescription: say("field.description"),
      backendProtocol: say("backend.protocol"),
      backendPort: say("backend.port"),
      algorithm: say("backend.algorithm"),
      drainingSeconds: say("backend.draining"),
      withoutMember: say("backend.without"),
      checkProtocol: say("check.protocol"),
      checkPort: say("check.port"),
      checkTimeoutSeconds: say("check.timeout"),
      intervalSeconds: say("check.interval"),
      healthyThresholdCount: say("check.healthy"),
      unhealthyThresholdCount: say("check.unhealthy"),
      httpPath: say("check.path"),
      httpDomain: say("check.domain"),
      httpCode: say("check.codes"),
      groupKind: say("group.kind"),
      agId: say("group.ag"),
      targetGroupId: say("group.targetGroup"),
    },
    save: (typed, values) => updateBackend(was.backendId, updateSpec(typed, values)),
    onSaved: () => {
      notify({ type: "success", text: say("save.done", { name: form.values.backendName }) });
      onClose();
    },
    onReload: onClose,
  });
  const title = say(part === "edit" ? "backend.edit" : "backend.changeGroup.of", { name: was.backendName });
  return (
    <>
      <FormDialog form={form} title={title} submitText={say("action.save")} size="large" onClose={onClose}>
        {part === "group" ? (
          <ServerGroupFields form={form} balancer={balancer} groups={groups} />
        ) : (
          <>
            <ServiceFields form={form} isFixed />
            <Container header={<Header variant="h3">{say("check.title")}</Header>}>
              <HealthCheckFields form={form} />
            </Container>
          </>
        )}
      </FormDialog>
      {conflict}
    </>
  );
}
