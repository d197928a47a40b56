// The way of a flow, drawn from its client to its end: a card a host.

import Alert from "@cloudscape-design/components/alert";
import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Header from "@cloudscape-design/components/header";
import Icon from "@cloudscape-design/components/icon";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";

import { useCell } from "../app/cell";
import type { Instance } from "../compute/api";
import { language, useTexts } from "../texts/texts";
import type { ExplainFlow, FlowExplanation, FlowHop } from "./api";
import { translated } from "./outcomes";
import { explainTexts } from "./texts";
import { type Ending, ending, knownProgram, knownStep, toneOf } from "./way";

export interface Told {
  question: ExplainFlow;
  explanation: FlowExplanation;
}

interface Props {
  told: Told;
  instances: readonly Instance[];
}

export function Way({ told: { question, explanation }, instances }: Props) {
  const say = useTexts(explainTexts);
  const end = ending(explanation);
  return (
    <section aria-label={say("way.title")}>
      <SpaceBetween size="xs">
        <Header variant="h2">{say("way.title")}</Header>
        <Client question={question} instances={instances} />
        {explanation.hops.map((hop, at) => (
          // Nothing else tells hops apart: a host may be passed twice.
          <SpaceBetween key={at} size="xs">
            <Arrow />
            <Hop hop={hop} number={at + 1} instances={instances} />
          </SpaceBetween>
        ))}
        {end !== null && (
          <>
            <Arrow />
            <End end={end} instances={instances} />
          </>
        )}
      </SpaceBetween>
    </section>
  );
}

function Arrow() {
  return (
    <Box textAlign="center" color="text-body-secondary">
      <Icon name="angle-down" />
    </Box>
  );
}

function useServerText(): (english: string) => string {
  const spoken = useCell(language);
  return (english) => translated(english, spoken);
}

function nameOf(instanceId: string, instances: readonly Instance[]): string {
  const name = instances.find((it) => it.instanceId === instanceId)?.instanceName;
  return name === undefined || name === "" ? instanceId : `${name} (${instanceId})`;
}

function withPort(address: string, port: number | null | undefined): string {
  if (port === undefined || port === null) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function Client({ question, instances }: { question: ExplainFlow; instances: readonly Instance[] }) {
  const say = useTexts(explainTexts);
  const { sourceAddress, sourcePort, destinationAddress, destinationPort, protocol, vpcId } = question;
  const sender = vpcId === undefined || vpcId === null ? undefined : instances.find((it) => it.vpcId === vpcId && it.privateIpAddress === sourceAddress);
  return (
    <Container header={<Header variant="h3">{sender === undefined ? say("way.client") : say("way.client.instance", { name: sender.instanceName })}</Header>}>
      {say("way.client.sends", {
        protocol: say(`explain.protocol.${protocol}`),
        from: withPort(sourceAddress, sourcePort),
        to: withPort(destinationAddress, destinationPort),
      })}
    </Container>
  );
}

function Hop({ hop, number, instances }: { hop: FlowHop; number: number; instances: readonly Instance[] }) {
  const say = useTexts(explainTexts);
  const told = useServerText();
  const { az, hostId, outcome, meaning, fate, instanceId, steps } = hop;
  const program = knownProgram(hop.program);
  return (
    <Container
      header={
        <Header variant="h3" actions={<Badge>{program === null ? hop.program : say(`program.${program}`)}</Badge>}>
          {number}. {hostId === undefined ? say("way.host", { az }) : say("way.host.named", { host: hostId, az })}
        </Header>
      }
    >
      <SpaceBetween size="s">
        <StatusIndicator type={toneOf(hop)}>
          {say(`fate.${fate}`)} <Box variant="code">{outcome}</Box>
        </StatusIndicator>
        <Box>{told(meaning)}</Box>
        {instanceId !== undefined && (
          <Box color="text-body-secondary">{say("way.for")}: {nameOf(instanceId, instances)}</Box>
        )}
        <ExpandableSection headerText={say("way.steps", { count: steps.length })}>
          <Table
            variant="embedded"
            contentDensity="compact"
            wrapLines
            items={[...steps]}
            ariaLabels={{ tableLabel: say("way.steps", { count: steps.length }) }}
            columnDefinitions={[
              {
                id: "step",
                header: say("way.step"),
                width: 190,
                isRowHeader: true,
                cell: ({ code }) => {
                  const known = knownStep(code);
                  return known === null ? code : say(`step.${known}`);
                },
              },
              { id: "text", header: say("way.text"), cell: ({ text }) => text },
            ]}
          />
        </ExpandableSection>
      </SpaceBetween>
    </Container>
  );
}

function End({ end, instances }: { end: Ending; instances: readonly Instance[] }) {
  const say = useTexts(explainTexts);
  const told = useServerText();
  switch (end.how) {
    case "delivered":
      return (
        <Alert type="success">
          {end.instanceId === null ? say("end.delivered") : say("end.delivered.to", { instance: nameOf(end.instanceId, instances) })}
        </Alert>
      );
    case "unknown":
      return <Alert type={end.tone} header={say("end.unknown")}>{end.why}</Alert>;
    case "dropped":
    case "refused":
      return (
        <Alert type={end.tone} header={say(`end.${end.how}`, { outcome: end.hop.outcome })}>
          <SpaceBetween size="xs">
            <Box>{told(end.hop.meaning)}</Box>
            {end.hop.advice !== undefined && (
              <Box>
                <Box variant="strong">{say("way.do")}:</Box> {told(end.hop.advice)}
              </Box>
            )}
          </SpaceBetween>
        </Alert>
      );
    default:
      return <Alert type={end.tone} header={say(`end.${end.how}`)}>{told(end.hop.meaning)}</Alert>;
  }
}
