// Where a flow would go, and why: asked of the hosts on its way.

import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import RadioGroup from "@cloudscape-design/components/radio-group";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { useState } from "react";

import { everything } from "../api/pages";
import { useMay } from "../api/session";
import { Refusal, RoleMissing } from "../app/Outcome";
import { paths } from "../app/paths";
import { usePlace } from "../app/place";
import { instances } from "../compute/api";
import { ChoiceField, TextField } from "../form/fields";
import { type Form, useForm } from "../form/useForm";
import { listeners, loadBalancers } from "../load-balancers/api";
import { useTexts } from "../texts/texts";
import { explainFlow } from "./api";
import { initialFields, readAsked } from "./asked";
import { checkFlow, EXPLAIN_NAMES, explainBody, type ExplainFields, type Known } from "./explainFields";
import { explainTexts } from "./texts";
import { type Told, Way } from "./Way";

export function ExplainPage() {
  const say = useTexts(explainTexts);
  const may = useMay("Operator");
  const asked = readAsked(useSearch({ strict: false }));
  usePlace("default", [{ text: say("explain.title"), href: paths.explain() }]);
  if (!may) return <RoleMissing takes="Operator" back={paths.loadBalancers()} />;
  // Another address asks for another flow.
  return <Explain key={JSON.stringify(asked)} initial={initialFields(asked)} />;
}

function useKnown(): Known & { isPending: boolean } {
  const machines = useQuery({ queryKey: ["instances", "all"], queryFn: () => everything(instances) });
  const doors = useQuery({ queryKey: ["listeners", "all"], queryFn: () => everything(listeners) });
  const balancers = useQuery({ queryKey: ["loadBalancers", "all"], queryFn: () => everything(loadBalancers) });
  return {
    instances: machines.data ?? [],
    listeners: doors.data ?? [],
    balancers: balancers.data ?? [],
    isPending: machines.isPending || doors.isPending || balancers.isPending,
  };
}

function Explain({ initial }: { initial: ExplainFields }) {
  const say = useTexts(explainTexts);
  const known = useKnown();
  const [told, setTold] = useState<Told | null>(null);
  const form = useForm({
    initial,
    check: (values) => checkFlow(values, known),
    names: EXPLAIN_NAMES,
    texts: explainTexts,
    send: async (values) => {
      setTold(null);
      const question = explainBody(values, known);
      setTold({ question, explanation: await explainFlow(question) });
    },
  });
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description={say("explain.description")}>{say("explain.title")}</Header>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          form.submit();
        }}
      >
        <SpaceBetween size="l">
          <ColumnLayout columns={2}>
            <From form={form} known={known} isPending={known.isPending} />
            <To form={form} known={known} isPending={known.isPending} />
          </ColumnLayout>
          <Button formAction="submit" variant="primary" loading={form.isBusy}>{say("explain.submit")}</Button>
          <Refusal error={form.refusal} />
        </SpaceBetween>
      </form>
      {told !== null && <Way told={told} instances={known.instances} />}
    </SpaceBetween>
  );
}

interface Part {
  form: Form<ExplainFields>;
  known: Known;
  isPending: boolean;
}

function From({ form, known, isPending }: Part) {
  const say = useTexts(explainTexts);
  const { from, to, protocol } = form.values;
  return (
    <Container fitHeight header={<Header variant="h2">{say("explain.from")}</Header>}>
      <SpaceBetween size="l">
        <FormField label={say("explain.sender")}>
          <RadioGroup
            value={from}
            onChange={({ detail }) => form.set("from", detail.value === "instance" ? "instance" : "outside")}
            items={(["outside", "instance"] as const).map((value) => ({ value, label: say(`explain.from.${value}`) }))}
          />
        </FormField>
        {from === "outside" ? (
          <TextField form={form} field="sourceAddress" label={say("explain.source")} placeholder="198.51.100.10" />
        ) : (
          <ChoiceField
            form={form}
            field="instanceId"
            label={say("explain.instance")}
            loading={isPending}
            empty={say("explain.instance.none")}
            choices={known.instances.map((it) => ({
              value: it.instanceId,
              label: it.instanceName,
              description: `${it.instanceId} · ${it.privateIpAddress} · ${it.az}`,
            }))}
          />
        )}
        {!(to === "address" && protocol === "Icmp") && (
          <TextField form={form} field="sourcePort" numeric label={say("explain.sourcePort")} constraint={say("explain.sourcePort.hint")} />
        )}
      </SpaceBetween>
    </Container>
  );
}

function To({ form, known, isPending }: Part) {
  const say = useTexts(explainTexts);
  const { from, to, protocol } = form.values;
  const choices = known.listeners.flatMap((it) => {
    const balancer = known.balancers.find(({ loadBalancerId }) => loadBalancerId === it.loadBalancerId);
    if (balancer === undefined) return [];
    const { privateIpAddress, elasticIpAddress } = balancer.privateIp;
    const address = from === "outside" ? (elasticIpAddress ?? privateIpAddress) : privateIpAddress;
    return [{
      value: it.listenerId,
      label: `${balancer.loadBalancerName} / ${it.listenerName}`,
      description: say("explain.listener.at", { protocol: it.protocol.toUpperCase(), port: it.port, address }),
    }];
  });
  return (
    <Container fitHeight header={<Header variant="h2">{say("explain.to")}</Header>}>
      <SpaceBetween size="l">
        <FormField label={say("explain.receiver")}>
          <RadioGroup
            value={to}
            onChange={({ detail }) => form.set("to", detail.value === "address" ? "address" : "listener")}
            items={(["listener", "address"] as const).map((value) => ({ value, label: say(`explain.to.${value}`) }))}
          />
        </FormField>
        {to === "listener" ? (
          <ChoiceField form={form} field="listenerId" label={say("explain.listener")} loading={isPending} empty={say("explain.listener.none")} choices={choices} />
        ) : (
          <>
            <TextField form={form} field="destinationAddress" label={say("explain.destination")} constraint={say("explain.to.address.hint")} />
            <FormField label={say("explain.protocol")}>
              <RadioGroup
                value={protocol}
                onChange={({ detail }) => form.set("protocol", detail.value as ExplainFields["protocol"])}
                items={(["Tcp", "Udp", "Icmp"] as const).map((value) => ({ value, label: say(`explain.protocol.${value}`) }))}
              />
            </FormField>
            {protocol !== "Icmp" && <TextField form={form} field="destinationPort" numeric label={say("explain.port")} />}
          </>
        )}
      </SpaceBetween>
    </Container>
  );
}
