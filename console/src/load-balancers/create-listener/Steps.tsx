// The wizard's four steps, drawn.

import Alert from "@cloudscape-design/components/alert";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tiles from "@cloudscape-design/components/tiles";
import CloudscapeWizard from "@cloudscape-design/components/wizard";
import { useEffect, useState } from "react";

import { Refusal } from "../../app/Outcome";
import { ChoiceField, NameField, TextField } from "../../form/fields";
import type { Form } from "../../form/useForm";
import { useTexts } from "../../texts/texts";
import type { Backend, LoadBalancer } from "../api";
import { type BackendFields, fieldsOf } from "../backendFields";
import { HealthCheckFields, ServerGroupFields, ServiceFields } from "../BackendForm";
import { lbTexts } from "../texts";
import { type ServerGroups, useServerGroups } from "../useBalancer";
import { reachableStep, STEPS, stepOf, type Surroundings, type WizardFields } from "./wizard";

interface Props {
  form: Form<WizardFields>;
  balancer: LoadBalancer;
  around: Surroundings;
  onCancel: () => void;
}

export function Steps({ form, balancer, around, onCancel }: Props) {
  const say = useTexts(lbTexts);
  const [active, setActive] = useState(0);
  const groups = useServerGroups(balancer);
  const { values, problems, refusedField } = form;
  const shared = values.mode === "select" ? around.backends.find(({ backendId }) => backendId === values.backendId) : undefined;

  // A refusal is shown where it can be mended.
  useEffect(() => {
    const step = refusedField === null ? null : stepOf(refusedField);
    if (step !== null) setActive(step);
  }, [refusedField]);

  function show(wanted: number) {
    const next = reachableStep(wanted, problems);
    STEPS.slice(0, Math.max(wanted, active + 1)).forEach((fields, step) => (step < wanted || step === active) && form.reveal(fields));
    setActive(next);
  }

  function submit() {
    const next = reachableStep(STEPS.length, problems);
    STEPS.forEach((fields) => form.reveal(fields));
    if (next < STEPS.length) setActive(next);
    else form.submit();
  }

  const refusal = <Refusal error={form.refusal} />;
  return (
    <CloudscapeWizard
      i18nStrings={{
        navigationAriaLabel: say("wizard.steps"),
        stepNumberLabel: (step) => say("wizard.step", { step }),
        collapsedStepsLabel: (step, count) => say("wizard.step.of", { step, count }),
        cancelButton: say("action.cancel"),
        previousButton: say("wizard.previous"),
        nextButton: say("wizard.next"),
        submitButtonLoadingAnnouncement: say("wizard.creating"),
      }}
      submitButtonText={say("wizard.ok")}
      activeStepIndex={active}
      isLoadingNextStep={form.isBusy}
      onNavigate={({ detail }) => show(detail.requestedStepIndex)}
      onCancel={onCancel}
      onSubmit={submit}
      steps={[
        {
          title: say("wizard.listen"),
          description: say("wizard.listen.text", { vip: balancer.privateIp.privateIpAddress }),
          content: <SpaceBetween size="l">{refusal}<ListenStep form={form} /></SpaceBetween>,
        },
        {
          title: say("wizard.forward"),
          description: say("wizard.forward.text"),
          content: <SpaceBetween size="l">{refusal}<ForwardStep form={form} backends={around.backends} /></SpaceBetween>,
        },
        {
          title: say("check.title"),
          description: say(shared === undefined ? "wizard.check.text" : "wizard.shared"),
          content: (
            <SpaceBetween size="l">
              {refusal}
              <Container>{shared === undefined ? <HealthCheckFields form={form} /> : <CheckShown fields={fieldsOf(shared)} isClosed={shared.closeHealthCheck} />}</Container>
            </SpaceBetween>
          ),
        },
        {
          title: say("group.title"),
          description: say(shared === undefined ? "wizard.group.text" : "wizard.shared"),
          content: (
            <SpaceBetween size="l">
              {refusal}
              <Container>
                {shared === undefined ? (
                  <ServerGroupFields form={form} balancer={balancer} groups={groups} />
                ) : (
                  <GroupShown fields={fieldsOf(shared)} groups={groups} />
                )}
              </Container>
              <Review values={values} shared={shared} balancer={balancer} groups={groups} />
            </SpaceBetween>
          ),
        },
      ]}
    />
  );
}

function ListenStep({ form }: { form: Form<WizardFields> }) {
  const say = useTexts(lbTexts);
  return (
    <Container>
      <SpaceBetween size="l">
        <FormField label={say("listener.protocol")} description={say("listener.fixed")}>
          <SegmentedControl
            label={say("listener.protocol")}
            selectedId={form.values.protocol}
            options={[
              { id: "Tcp", text: "TCP" },
              { id: "Udp", text: "UDP" },
            ]}
            onChange={({ detail }) => form.set("protocol", detail.selectedId === "Udp" ? "Udp" : "Tcp")}
          />
        </FormField>
        <TextField form={form} field="port" numeric autoFocus label={say("listener.port.label")} hint={say("listener.port.hint")} constraint={say("listener.port.range")} />
        <NameField form={form} field="listenerName" />
        <ExpandableSection headerText={say("backend.more")}>
          <TextField form={form} field="idleSeconds" numeric label={say("listener.idle")} hint={say("listener.idle.hint")} />
        </ExpandableSection>
      </SpaceBetween>
    </Container>
  );
}

function ForwardStep({ form, backends }: { form: Form<WizardFields>; backends: readonly Backend[] }) {
  const say = useTexts(lbTexts);
  const { values } = form;
  const fitting = backends.filter(({ protocol }) => protocol === values.protocol);
  return (
    <Container>
      <SpaceBetween size="l">
        <Tiles
          ariaLabel={say("wizard.forward")}
          value={values.mode}
          columns={2}
          onChange={({ detail }) => form.set("mode", detail.value === "select" ? "select" : "create")}
          items={[
            { value: "create", label: say("wizard.create"), description: say("wizard.create.hint") },
            { value: "select", label: say("wizard.select"), description: say("wizard.select.hint") },
          ]}
        />
        {values.mode === "create" ? (
          <ServiceFields form={form} />
        ) : (
          <>
            <ChoiceField
              form={form}
              field="backendId"
              label={say("backend.title")}
              empty={say("wizard.select.none", { protocol: values.protocol.toUpperCase() })}
              choices={fitting.map((it) => ({
                value: it.backendId,
                label: it.backendName,
                description: `${say("listener.at", { protocol: it.protocol.toUpperCase(), port: it.port })} · ${say(`algorithm.${it.algorithm}`)}`,
              }))}
            />
            {values.backendId !== "" && <Alert type="info">{say("wizard.shared")}</Alert>}
          </>
        )}
      </SpaceBetween>
    </Container>
  );
}

function CheckShown({ fields, isClosed }: { fields: BackendFields; isClosed: boolean }) {
  const say = useTexts(lbTexts);
  if (isClosed) return <KeyValuePairs items={[{ label: say("check.title"), value: say("field.off") }]} />;
  return (
    <KeyValuePairs
      columns={4}
      items={[
        { label: say("check.protocol"), value: say(`check.${fields.checkProtocol}`) },
        ...(fields.checkProtocol === "Icmp" ? [] : [{ label: say("check.port"), value: fields.checkPort === "0" ? say("check.port.same") : fields.checkPort }]),
        ...(fields.checkProtocol === "Http"
          ? [
              { label: say("check.path"), value: `${fields.httpDomain}${fields.httpPath}` },
              { label: say("check.codes"), value: fields.httpCode },
            ]
          : []),
        { label: say("check.times"), value: say("check.times.value", { interval: fields.intervalSeconds, timeout: fields.checkTimeoutSeconds }) },
        { label: say("check.thresholds"), value: say("check.thresholds.value", { healthy: fields.healthyThresholdCount, unhealthy: fields.unhealthyThresholdCount }) },
      ]}
    />
  );
}

function GroupShown({ fields, groups }: { fields: BackendFields; groups: ServerGroups }) {
  const say = useTexts(lbTexts);
  const { groupKind, agId, targetGroupId } = fields;
  const name =
    groupKind === "ag"
      ? groups.ags.find(({ id }) => id === agId)?.name ?? agId
      : groupKind === "targetGroup"
        ? groups.targetGroups.find(({ id }) => id === targetGroupId)?.name ?? targetGroupId
        : "";
  return <KeyValuePairs items={[{ label: say("group.title"), value: groupKind === "later" ? say("group.none") : `${say(`group.${groupKind}`)}: ${name}` }]} />;
}

function Review({ values, shared, balancer, groups }: { values: WizardFields; shared: Backend | undefined; balancer: LoadBalancer; groups: ServerGroups }) {
  const say = useTexts(lbTexts);
  const fields: BackendFields = shared === undefined ? values : fieldsOf(shared);
  const service = `${fields.backendName} (${say("listener.at", { protocol: fields.backendProtocol.toUpperCase(), port: fields.backendPort })})`;
  return (
    <Container header={<Header variant="h2" description={say("review.text")}>{say("review.title")}</Header>}>
      <SpaceBetween size="l">
        <KeyValuePairs
          columns={3}
          items={[
            { label: say(shared === undefined ? "review.newBackend" : "review.sharedBackend"), value: service },
            { label: say("backend.algorithm"), value: say(`algorithm.${fields.algorithm}`) },
            {
              label: say("review.listener"),
              value: `${values.listenerName} (${say("review.at", { vip: balancer.privateIp.privateIpAddress, protocol: values.protocol.toUpperCase(), port: values.port })})`,
            },
          ]}
        />
        {shared === undefined && <CheckShown fields={values} isClosed={false} />}
        {shared === undefined && <GroupShown fields={values} groups={groups} />}
      </SpaceBetween>
    </Container>
  );
}
