// What runs when an instance starts, and what it can read of itself.

import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { useTexts } from "../texts/texts";
import { startFieldsOf } from "./startFields";
import { computeTexts } from "./texts";

export function StartShown({ of }: { of: Parameters<typeof startFieldsOf>[0] }) {
  const say = useTexts(computeTexts);
  const { script, metadata } = startFieldsOf(of);
  return (
    <Container header={<Header variant="h2">{say("start.title")}</Header>}>
      <SpaceBetween size="l">
        <div>
          <Box variant="awsui-key-label">{say("start.script")}</Box>
          {script === "" ? say("field.none") : <Box variant="pre">{script}</Box>}
        </div>
        <div>
          <Box variant="awsui-key-label">{say("start.metadata")}</Box>
          {metadata.length === 0 ? say("field.none") : <KeyValuePairs columns={3} items={metadata.map(({ key, value }) => ({ label: key, value }))} />}
        </div>
      </SpaceBetween>
    </Container>
  );
}
