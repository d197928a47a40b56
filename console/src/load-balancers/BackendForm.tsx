// The fields of a backend service, as the wizard and the editors draw them.

import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tiles from "@cloudscape-design/components/tiles";
import { useState } from "react";

import { CreateGroupDialog } from "../compute/CreateGroupDialog";
import { ChoiceField, DescriptionField, NameField, TextField } from "../form/fields";
import type { Form } from "../form/useForm";
import { versionOf } from "../network/addresses";
import { useTexts } from "../texts/texts";
import type { LoadBalancer } from "./api";
import { type BackendFields, checksOf, type GroupKind } from "./backendFields";
import { CreateTargetGroupDialog } from "./CreateTargetGroupDialog";
import { lbTexts } from "./texts";
import type { ServerGroups } from "./useBalancer";

interface Props {
  form: Form<BackendFields>;
  /** What is there already, and what cannot change. */
  isFixed?: boolean;
}

export function ServiceFields({ form, isFixed = false }: Props) {
  const say = useTexts(lbTexts);
  return (
    <SpaceBetween size="l">
      <NameField form={form} field="backendName" />
      <ColumnLayout columns={2}>
        <FormField label={say("backend.protocol")} description={say(isFixed ? "backend.fixed" : "backend.protocol.hint")}>
          <Input value={form.values.backendProtocol.toUpperCase()} readOnly />
        </FormField>
        <TextField form={form} field="backendPort" numeric readOnly={isFixed} label={say("backend.port")} hint={say(isFixed ? "backend.fixed" : "backend.port.hint")} />
      </ColumnLayout>
      <ChoiceField
        form={form}
        field="algorithm"
        label={say("backend.algorithm")}
        choices={[
          { value: "IpHash", label: say("algorithm.IpHash"), description: say("algorithm.IpHash.hint") },
          { value: "QuintupleHash", label: say("algorithm.QuintupleHash"), description: say("algorithm.QuintupleHash.hint") },
        ]}
      />
      <ExpandableSection headerText={say("backend.more")}>
        <SpaceBetween size="l">
          <TextField form={form} field="drainingSeconds" numeric label={say("backend.draining")} hint={say("backend.draining.hint")} />
          <ChoiceField
            form={form}
            field="withoutMember"
            label={say("backend.without")}
            hint={say("backend.without.hint")}
            choices={(["Reset", "Drop", "FailOpen"] as const).map((value) => ({ value, label: say(`without.${value}`), description: say(`without.${value}.hint`) }))}
          />
          <DescriptionField form={form} field="backendDescription" />
        </SpaceBetween>
      </ExpandableSection>
    </SpaceBetween>
  );
}

export function HealthCheckFields({ form }: { form: Form<BackendFields> }) {
  const say = useTexts(lbTexts);
  const { checkProtocol, backendProtocol } = form.values;
  return (
    <SpaceBetween size="l">
      <Alert type="info">{say("check.source")}</Alert>
      <ColumnLayout columns={2}>
        <ChoiceField
          form={form}
          field="checkProtocol"
          label={say("check.protocol")}
          choices={checksOf(backendProtocol).map((value) => ({ value, label: say(`check.${value}`), description: say(`check.${value}.hint`) }))}
        />
        {checkProtocol !== "Icmp" && <TextField form={form} field="checkPort" numeric label={say("check.port")} hint={say("check.port.hint")} />}
      </ColumnLayout>
      {checkProtocol === "Http" && (
        <ColumnLayout columns={3}>
          <TextField form={form} field="httpPath" label={say("check.path")} hint={say("check.path.hint")} />
          <TextField form={form} field="httpDomain" label={say("check.domain")} hint={say("check.domain.hint")} />
          <TextField form={form} field="httpCode" label={say("check.codes")} hint={say("check.codes.hint")} />
        </ColumnLayout>
      )}
      <ColumnLayout columns={2}>
        <TextField form={form} field="checkTimeoutSeconds" numeric label={say("check.timeout")} constraint={say("check.timeout.range")} />
        <TextField form={form} field="intervalSeconds" numeric label={say("check.interval")} constraint={say("check.interval.range")} />
        <TextField form={form} field="healthyThresholdCount" numeric label={say("check.healthy")} hint={say("check.healthy.hint")} constraint={say("check.threshold.range")} />
        <TextField form={form} field="unhealthyThresholdCount" numeric label={say("check.unhealthy")} hint={say("check.unhealthy.hint")} constraint={say("check.threshold.range")} />
      </ColumnLayout>
    </SpaceBetween>
  );
}

const KINDS: readonly GroupKind[] = ["ag", "targetGroup", "later"];

export function ServerGroupFields({ form, balancer, groups }: { form: Form<BackendFields>; balancer: LoadBalancer; groups: ServerGroups }) {
  const say = useTexts(lbTexts);
  const [creating, setCreating] = useState<"ag" | "targetGroup" | null>(null);
  const { groupKind } = form.values;
  return (
    <SpaceBetween size="l">
      <FormField label={say("group.kind")} stretch>
        <Tiles
          value={groupKind}
          columns={3}
          onChange={({ detail }) => form.set("groupKind", KINDS.find((kind) => kind === detail.value) ?? "later")}
          items={KINDS.map((value) => ({ value, label: say(`group.${value}`), description: say(`group.${value}.hint`) }))}
        />
      </FormField>
      {groupKind === "ag" && (
        <ChoiceField
          form={form}
          field="agId"
          label={say("group.ag")}
          hint={say("group.ag.which")}
          loading={groups.isPending}
          empty={say("group.ag.none")}
          secondary={<Button onClick={() => setCreating("ag")}>{say("group.ag.create")}</Button>}
          choices={groups.ags.map(({ id, name, count }) => ({ value: id, label: name, description: `${id} · ${say("group.instances", { count })}` }))}
        />
      )}
      {groupKind === "targetGroup" && (
        <ChoiceField
          form={form}
          field="targetGroupId"
          label={say("group.targetGroup")}
          hint={say("group.targetGroup.which")}
          loading={groups.isPending}
          empty={say("group.targetGroup.none")}
          secondary={<Button onClick={() => setCreating("targetGroup")}>{say("group.targetGroup.create")}</Button>}
          choices={groups.targetGroups.map(({ id, name }) => ({ value: id, label: name, description: id }))}
        />
      )}
      {creating === "ag" && (
        <CreateGroupDialog
          within={{ vpcId: balancer.vpcId, ipVersion: versionOf(balancer.privateIp.privateIpAddress) }}
          onClose={() => setCreating(null)}
          onCreated={(id) => form.set("agId", id)}
        />
      )}
      {creating === "targetGroup" && (
        <CreateTargetGroupDialog balancer={balancer} onClose={() => setCreating(null)} onCreated={(id) => form.set("targetGroupId", id)} />
      )}
    </SpaceBetween>
  );
}
