// From a reply of the API to lines that can be drawn.

import type { Metrics } from "./api";
import type { Quantity } from "./units";

export interface Datum {
  x: Date;
  y: number;
}

export interface Line {
  /** Which metric; of outcomes their name. */
  name: string;
  /** Runs of points one after the other: between them nothing is known, so nothing is drawn. */
  runs: readonly (readonly Datum[])[];
  last: number | null;
  average: number | null;
  highest: number | null;
}

export type ChartId = "connections" | "flows" | "bytes" | "packets" | "refused" | "secondChance";

export interface Chart {
  id: ChartId;
  quantity: Quantity;
  lines: readonly Line[];
}

export interface Picture {
  begin: Date;
  end: Date;
  charts: readonly Chart[];
  /** `unknown`: of no part of the time is anything known. `idle`: there was nothing. */
  state: "unknown" | "idle" | "busy";
}

type Points = readonly (number | null)[];

/** Lines that one can still tell apart; the others become one. */
const MOST_REASONS = 6;
export const OTHERS = "others";

/** Outcomes with which a packet ends that went nowhere. */
const REFUSED = /^(drop|reset|unreachable)_/;
/** Outcomes with which a packet ends that went on. */
const CARRIED = ["delivered", "tunnelled", "forwarded"];

export function pictureOf(reply: Metrics): Picture {
  const begin = Date.parse(reply.beginTime);
  const stepMs = reply.stepSeconds * 1_000;
  const points = new Map<string, Points>(reply.series.map((series) => [series.name, series.points]));
  const of = (name: string): Points => points.get(name) ?? [];
  const line = (name: string, values = of(name)) => lineOf(name, values, begin, stepMs);
  const charts: Chart[] = [
    { id: "connections", quantity: "rate", lines: [line("connections")] },
    { id: "flows", quantity: "count", lines: [line("flows")] },
    { id: "bytes", quantity: "bytes", lines: [line("bytes")] },
    { id: "packets", quantity: "rate", lines: [line("packetsIn"), line("packetsOut")] },
  ];
  // A host carries more than flows of clients. Of others, what goes on is not among what came in.
  const wholes = reply.resourceType === "host" ? CARRIED : ["packetsIn", "second_chance"];
  const chances = share(of("second_chance"), wholes.map(of), of("connections"));
  charts.push(
    { id: "refused", quantity: "rate", lines: reasons(points).map(([name, values]) => line(name, values)) },
    { id: "secondChance", quantity: "share", lines: [line("second_chance", chances)] },
  );
  const all = [...points.values()].flat();
  const isKnown = all.some((point) => point !== null);
  const isBusy = all.some((point) => point !== null && point > 0);
  return { begin: new Date(begin), end: new Date(Date.parse(reply.endTime)), charts, state: isBusy ? "busy" : isKnown ? "idle" : "unknown" };
}

function lineOf(name: string, points: Points, beginMs: number, stepMs: number): Line {
  const known = points.filter((point) => point !== null);
  const sum = known.reduce((total, point) => total + point, 0);
  return {
    name,
    runs: runsOf(points, beginMs, stepMs),
    last: known.at(-1) ?? null,
    average: known.length === 0 ? null : sum / known.length,
    highest: known.length === 0 ? null : known.reduce((one, other) => Math.max(one, other)),
  };
}

/** Points that follow one another without a gap. */
export function runsOf(points: Points, beginMs: number, stepMs: number): Datum[][] {
  const runs: Datum[][] = [];
  let run: Datum[] | null = null;
  points.forEach((point, at) => {
    if (point === null) {
      run = null;
      return;
    }
    if (run === null) {
      run = [];
      runs.push(run);
    }
    run.push({ x: new Date(beginMs + at * stepMs), y: point });
  });
  // A line through one point is none: it stays for half of its step.
  for (const run of runs) {
    const [lone] = run;
    if (lone !== undefined && run.length === 1) run.push({ x: new Date(lone.x.getTime() + stepMs / 2), y: lone.y });
  }
  return runs;
}

/** Why packets went nowhere, the most frequent reasons first. */
function reasons(points: ReadonlyMap<string, Points>): [name: string, points: Points][] {
  const total = (values: Points) => values.reduce<number>((sum, point) => sum + (point ?? 0), 0);
  const found = [...points]
    .filter(([name, values]) => REFUSED.test(name) && total(values) > 0)
    .sort(([, one], [, other]) => total(other) - total(one));
  if (found.length <= MOST_REASONS) return found;
  const rest = found.slice(MOST_REASONS - 1).map(([, values]) => values);
  return [...found.slice(0, MOST_REASONS - 1), [OTHERS, sums(rest)]];
}

function sums(several: readonly Points[]): Points {
  const [first = []] = several;
  return first.map((one, at) => (one === null ? null : several.reduce((sum, points) => sum + (points[at] ?? 0), 0)));
}

/** Which part of what went on had something, in every step of which something is known. */
function share(part: Points, wholes: readonly Points[], known: Points): Points {
  return known.map((any, at) => {
    if (any === null) return null;
    const whole = wholes.reduce((sum, points) => sum + (points[at] ?? 0), 0);
    return whole === 0 ? 0 : Math.min(1, (part[at] ?? 0) / whole);
  });
}

/** Where an axis from 0 ends: a round number above all values. */
export function axisEnd(chart: Chart): number {
  const highest = Math.max(0, ...chart.lines.map((line) => line.highest ?? 0));
  if (highest === 0) return 1;
  const ten = 10 ** Math.floor(Math.log10(highest));
  const rounded = [1, 2, 2.5, 5, 10].find((times) => times * ten >= highest) ?? 10;
  return chart.quantity === "share" ? Math.min(1, rounded * ten) : rounded * ten;
}
