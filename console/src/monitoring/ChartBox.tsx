// One chart, and what it shows in words.

import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import LineChart from "@cloudscape-design/components/line-chart";
import SpaceBetween from "@cloudscape-design/components/space-between";

import * as tokens from "../app/tokens";
import { useLocale, useTexts } from "../texts/texts";
import { axisEnd, type Chart, type Line, OTHERS } from "./series";
import { monitoringTexts } from "./texts";
import { readable } from "./units";
import { useTicks } from "./useTicks";

const HEIGHT = 180;
const COLOURS = [
  tokens.colorChartsPaletteCategorical1,
  tokens.colorChartsPaletteCategorical2,
  tokens.colorChartsPaletteCategorical3,
  tokens.colorChartsPaletteCategorical4,
  tokens.colorChartsPaletteCategorical5,
  tokens.colorChartsPaletteCategorical6,
] as const;

interface Props {
  chart: Chart;
  begin: Date;
  end: Date;
}

export function ChartBox({ chart, begin, end }: Props) {
  const say = useTexts(monitoringTexts);
  const locale = useLocale();
  const ticks = useTicks(begin, end);
  const { id, quantity, lines } = chart;
  const title = say(`chart.${id}`);
  const value = (number: number | null) => (number === null ? say("field.none") : readable(number, quantity, locale));
  const summary = ({ last, average, highest }: Line) => say("chart.summary", { last: value(last), average: value(average), highest: value(highest) });
  const nameOf = ({ name }: Line) => {
    if (name === "packetsIn" || name === "packetsOut") return say(`line.${name}`);
    if (name === OTHERS) return say("line.others");
    // Outcomes have the name under which the reference and the tools have them.
    return id === "refused" ? name : title;
  };
  const texts = lines.map((line) => (lines.length === 1 && id !== "refused" ? summary(line) : say("chart.summary.of", { name: nameOf(line), summary: summary(line) })));
  return (
    <Container header={<Header variant="h3" description={say(`chart.${id}.hint`)}>{title}</Header>}>
      <SpaceBetween size="xs">
        <LineChart
          height={HEIGHT}
          hideFilter
          hideLegend
          xScaleType="time"
          xDomain={[begin, end]}
          yDomain={[0, axisEnd(chart)]}
          ariaLabel={title}
          ariaDescription={texts.join("; ")}
          xTickFormatter={ticks}
          yTickFormatter={(tick) => readable(tick, quantity, locale)}
          i18nStrings={{ xAxisAriaRoleDescription: say("chart.time") }}
          empty={say("chart.empty")}
          // A run is a series of its own, since a series has no gaps; those of a line look alike.
          series={lines.flatMap((line, place) =>
            line.runs.map((data) => ({
              type: "line" as const,
              title: nameOf(line),
              color: COLOURS[place % COLOURS.length] ?? COLOURS[0],
              data,
              valueFormatter: (number: number) => readable(number, quantity, locale),
            })),
          )}
        />
        {lines.map((line, place) => (
          <Box key={line.name} variant="small" display="block">
            {texts.length > 1 && <Swatch color={COLOURS[place % COLOURS.length] ?? COLOURS[0]} />}
            {texts[place]}
          </Box>
        ))}
      </SpaceBetween>
    </Container>
  );
}

/** Which line a text is about. */
function Swatch({ color }: { color: string }) {
  return <span aria-hidden style={{ display: "inline-block", width: 12, height: 12, marginInlineEnd: 6, borderRadius: 2, background: color }} />;
}
