// All charts of one reply.

import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Grid from "@cloudscape-design/components/grid";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { useTexts } from "../texts/texts";
import type { Metrics } from "./api";
import { ChartBox } from "./ChartBox";
import { pictureOf } from "./series";
import { monitoringTexts } from "./texts";

const HALF = { colspan: { default: 12, s: 6 } } as const;

export default function Charts({ reply }: { reply: Metrics }) {
  const say = useTexts(monitoringTexts);
  const picture = pictureOf(reply);
  if (picture.state === "unknown") {
    return (
      <Box textAlign="center" padding="xxl">
        <Box variant="strong">{say("monitoring.unknown")}</Box>
        <Box variant="p">{say("monitoring.unknown.text")}</Box>
      </Box>
    );
  }
  return (
    <SpaceBetween size="l">
      {picture.state === "idle" && (
        <Alert type="info" header={say("monitoring.idle")}>
          {say(`monitoring.idle.${reply.resourceType}`)}
        </Alert>
      )}
      <Grid gridDefinition={picture.charts.map(() => HALF)}>
        {picture.charts.map((chart) => (
          <ChartBox key={chart.id} chart={chart} begin={picture.begin} end={picture.end} />
        ))}
      </Grid>
    </SpaceBetween>
  );
}
