import { expect, test } from "vitest";

import type { Metrics } from "./api";
import { beginOf, rangeOf, RANGES } from "./ranges";
import { axisEnd, OTHERS, pictureOf, runsOf } from "./series";
import { readable } from "./units";

const BEGIN = "2026-11-27T10:00:00Z";
const at = (second: number) => new Date(Date.parse(BEGIN) + second * 1_000);

function reply(series: Record<string, (number | null)[]>, resourceType: Metrics["resourceType"] = "listener"): Metrics {
  const names = { connections: [], flows: [], packetsIn: [], packetsOut: [], bytes: [], ...series };
  return {
    resourceType,
    resourceId: "it",
    beginTime: BEGIN,
    endTime: "2026-11-27T10:00:40Z",
    stepSeconds: 10,
    series: Object.entries(names).map(([name, points]) => ({ name, unit: "1/s", points })),
  };
}

test("what is not known is a gap, and a lone point can be seen", () => {
  expect(runsOf([null, 1, 2, null, null, 3], at(0).getTime(), 10_000)).toEqual([
    [
      { x: at(10), y: 1 },
      { x: at(20), y: 2 },
    ],
    [
      { x: at(50), y: 3 },
      { x: at(55), y: 3 },
    ],
  ]);
  expect(runsOf([null, null], 0, 1)).toEqual([]);
});

test("two lone points of one value each stay for half a step", () => {
  expect(runsOf([7, null, 7], at(0).getTime(), 10_000).map((run) => run.length)).toEqual([2, 2]);
});

test("a line says its last, average and highest value of what is known", () => {
  const { charts } = pictureOf(reply({ connections: [null, 2, 4, 0] }));
  expect(charts[0]).toMatchObject({ id: "connections", lines: [{ last: 0, average: 2, highest: 4 }] });
  expect(charts[1]).toMatchObject({ id: "flows", lines: [{ last: null, average: null, highest: null }] });
  expect(charts.map(({ id }) => id)).toEqual(["connections", "flows", "bytes", "packets", "refused", "secondChance"]);
});

test.each([
  [{ connections: [null, null] }, "unknown"],
  [{ connections: [null, 0] }, "idle"],
  [{ connections: [null, 0], bytes: [null, 4] }, "busy"],
] as const)("%o is %s", (series, state) => {
  const points = Object.fromEntries(Object.entries(series).map(([name, values]) => [name, [...values]]));
  expect(pictureOf(reply(points)).state).toBe(state);
});

test("of hosts, reasons come by how frequent they are, and the rare ones together", () => {
  const series = {
    connections: [0, 0, null],
    ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7].map((rate) => [`drop_${rate}`, [rate, 0, null]])),
    reset_no_backend: [10, 1, null],
    drop_never: [0, 0, null],
    delivered: [9, 9, null],
  };
  const refused = pictureOf(reply(series, "host")).charts.find(({ id }) => id === "refused");
  expect(refused?.lines.map(({ name }) => name)).toEqual(["reset_no_backend", "drop_7", "drop_6", "drop_5", "drop_4", OTHERS]);
  expect(refused?.lines.at(-1)?.runs).toEqual([[{ x: at(0), y: 6 }, { x: at(10), y: 0 }]]);
});

test("second chances are a part of what went on", () => {
  const series = { connections: [0, 0, 0, null], second_chance: [1, 0, 0, null], delivered: [2, 3, 0, null], tunnelled: [1, 0, 0, null], forwarded: [1, 0, 0, null] };
  const { lines } = pictureOf(reply(series, "host")).charts.find(({ id }) => id === "secondChance") ?? { lines: [] };
  expect(lines[0]?.runs[0]?.map(({ y }) => y)).toEqual([0.25, 0, 0]);
});

test("of a listener, second chances are a part of what came in", () => {
  const series = { connections: [1, 0], packetsIn: [3, 0], second_chance: [1, 0], drop_acl_in: [0, 2] };
  const { charts } = pictureOf(reply(series, "listener"));
  const lines = (wanted: string) => charts.find(({ id }) => id === wanted)?.lines ?? [];
  expect(lines("secondChance").map(({ runs }) => runs[0]?.map(({ y }) => y))).toEqual([[0.25, 0]]);
  expect(lines("refused").map(({ name }) => name)).toEqual(["drop_acl_in"]);
});

test.each([
  [[0], "rate", 1],
  [[0.3], "rate", 0.5],
  [[7], "rate", 10],
  [[12, 21], "rate", 25],
  [[1_000], "bytes", 1_000],
  [[0.9], "share", 1],
] as const)("an axis for %o (%s) ends at %d", (values, quantity, end) => {
  const lines = values.map((highest) => ({ name: "", runs: [], last: null, average: null, highest }));
  expect(axisEnd({ id: "bytes", quantity, lines })).toBeCloseTo(end);
});

test.each([
  [0, "rate", "0/s"],
  [16.666666, "rate", "16.7/s"],
  [999.96, "rate", "1k/s"],
  [1_234, "count", "1.23k"],
  [999, "count", "999"],
  [12_345_678, "bytes", "12.3 MB/s"],
  [0.00421, "share", "0.421 %"],
] as const)("%d as %s is %s", (value, quantity, text) => expect(readable(value, quantity, "en-GB")).toBe(text));

test("an address asks for a time, and the last five minutes are asked for without a clock", () => {
  expect([rangeOf("1w"), rangeOf("2w"), rangeOf(undefined)]).toEqual(["1w", "5m", "5m"]);
  expect(beginOf("5m", at(0))).toBeUndefined();
  expect(beginOf("1h", new Date("2026-11-27T10:00:00.5Z"))).toBe("2026-11-27T09:00:00Z");
});

test("every time has as many points as one can look at", () => {
  for (const { seconds, step } of Object.values(RANGES)) {
    expect(seconds / step).toBeGreaterThanOrEqual(280);
    expect(seconds / step).toBeLessThanOrEqual(720);
  }
});
