import { expect, test } from "vitest";

import { counted, fieldChanges, lengthOfOmitted, outcomeOf } from "./changes";
import { isRange, timesOf } from "./range";

const now = new Date("2026-11-26T12:00:00.500Z");

test("all of the past, or the last hour, or from one moment to another", () => {
  expect(timesOf(null, now)).toEqual({});
  expect(timesOf({ type: "relative", amount: 2, unit: "hour" }, now)).toEqual({ beginTime: "2026-11-26T10:00:00Z" });
  expect(timesOf({ type: "relative", amount: 1, unit: "week" }, now)).toEqual({ beginTime: "2026-11-19T12:00:00Z" });
  expect(timesOf({ type: "relative", amount: 1, unit: "year" }, now)).toEqual({ beginTime: "2025-11-26T12:00:00Z" });
  expect(timesOf({ type: "absolute", startDate: "2026-11-26T08:00:00+08:00", endDate: "2026-11-26T09:30:00+08:00" }, now)).toEqual({
    beginTime: "2026-11-26T00:00:00Z",
    endTime: "2026-11-26T01:30:00Z",
  });
});

test.each([
  [{ type: "relative", amount: 1, unit: "day" }, true],
  [{ type: "relative", amount: 0, unit: "day" }, false],
  [{ type: "relative", amount: Number.NaN, unit: "day" }, false],
  [{ type: "absolute", startDate: "2026-11-26T08:00:00Z", endDate: "2026-11-26T08:00:01Z" }, true],
  [{ type: "absolute", startDate: "2026-11-26T08:00:00Z", endDate: "2026-11-26T08:00:00Z" }, false],
  [{ type: "absolute", startDate: "", endDate: "2026-11-26T08:00:00Z" }, false],
] as const)("%o can be asked for: %s", (range, can) => expect(isRange(range)).toBe(can));

test("a resource is created, changed or deleted", () => {
  expect(outcomeOf({ before: null, after: {} })).toBe("created");
  expect(outcomeOf({ before: {}, after: {} })).toBe("changed");
  expect(outcomeOf({ before: {}, after: null })).toBe("deleted");
  expect(counted([{ before: null, after: {} }, { before: {}, after: null }, { before: null, after: {} }])).toEqual([
    { outcome: "created", count: 2 },
    { outcome: "deleted", count: 1 },
  ]);
});

test("fields within fields have both names, and lists stay whole", () => {
  const before = { name: "a", deep: { y: 2 }, gone: true };
  const after = { name: "b", deep: { y: 3 }, ports: [80, 443], none: null, empty: {} };
  expect(fieldChanges({ before, after })).toEqual([
    { field: "name", before: "a", after: "b" },
    { field: "deep.y", before: "2", after: "3" },
    { field: "gone", before: "true", after: undefined },
    { field: "ports", before: undefined, after: "[80,443]" },
    { field: "none", before: undefined, after: "null" },
    { field: "empty", before: undefined, after: "{}" },
  ]);
  expect(fieldChanges({ before: null, after: { name: "a" } })).toEqual([{ field: "name", before: undefined, after: "a" }]);
});

test("values that were too many are told by their length", () => {
  expect(lengthOfOmitted({ before: null, after: { tooLong: 20_000 } })).toBe(20_000);
  expect(lengthOfOmitted({ before: { tooLong: 20_000, name: "a" }, after: null })).toBeNull();
});
