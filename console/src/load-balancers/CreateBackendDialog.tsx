// A new backend service, without a listener yet.

import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import FormField from "@cloudscape-design/components/form-field";
import SegmentedControl from "@cloudscape-design/components/segmented-control";

import { notify } from "../app/notices";
import { FormDialog } from "../form/FormDialog";
import { useForm } from "../form/useForm";
import { useTexts } from "../texts/texts";
import { createBackend, type LoadBalancer } from "./api";
import { BACKEND_NAMES, type BackendFields, checkBackend, createSpec, USUAL_BACKEND, usualCheck } from "./backendFields";
import { HealthCheckFields, ServerGroupFields, ServiceFields } from "./BackendForm";
import { type LbKey, lbTexts } from "./texts";
import { useServerGroups } from "./useBalancer";

export function CreateBackendDialog({ balancer, onClose }: { balancer: LoadBalancer; onClose: () => void }) {
  const say = useTexts(lbTexts);
  const groups = useServerGroups(balancer);
  const form = useForm<BackendFields, LbKey>({
    initial: USUAL_BACKEND,
    check: checkBackend,
    names: BACKEND_NAMES,
    texts: lbTexts,
    send: async (values) => {
      await createBackend(createSpec(balancer.loadBalancerId, values));
      notify({ type: "success", text: say("backend.created", { name: values.backendName }) });
      onClose();
    },
  });
  return (
    <FormDialog form={form} title={say("backend.create")} submitText={say("action.create")} size="large" onClose={onClose}>
      <FormField label={say("listener.protocol")}>
        <SegmentedControl
          selectedId={form.values.backendProtocol}
          options={[
            { id: "Tcp", text: "TCP" },
            { id: "Udp", text: "UDP" },
          ]}
          onChange={({ detail }) => {
            const protocol = detail.selectedId === "Udp" ? "Udp" : "Tcp";
            form.set("backendProtocol", protocol);
            form.set("checkProtocol", usualCheck(protocol));
          }}
        />
      </FormField>
      <ServiceFields form={form} />
      <Container header={<Header variant="h3">{say("check.title")}</Header>}>
        <HealthCheckFields form={form} />
      </Container>
      <ServerGroupFields form={form} balancer={balancer} groups={groups} />
    </FormDialog>
  );
}
