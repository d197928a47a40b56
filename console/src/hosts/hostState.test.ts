import { expect, test } from "vitest";

import type { Host } from "./api";
import { behindBy, byPlace, conditionOf, countOf } from "./hostState";

const UP: Pick<Host, "appliedRevision" | "error" | "state" | "wantedRevision"> = { state: "Up", wantedRevision: 7, appliedRevision: 7 };
const NEW = { state: "Up", wantedRevision: 7 } as const;

test.each([
  [UP, "current", 0],
  [{ ...UP, appliedRevision: 5 }, "behind", 2],
  [NEW, "joining", null],
  [{ ...UP, error: "no such device" }, "failing", 0],
  [{ ...UP, state: "Down", appliedRevision: 5 }, "down", 2],
] as const)("%o", (host, condition, behind) => {
  expect(conditionOf(host)).toBe(condition);
  expect(behindBy(host)).toBe(behind);
});

test("a region counts those that are up, and those that are current", () => {
  expect(countOf([UP, { ...UP, appliedRevision: 5 }, { ...UP, state: "Down" }])).toEqual({ total: 3, up: 2, current: 1 });
});

test("hosts stand in racks and these in zones, in the order of their names", () => {
  const host = (hostId: string, az: string, rack: string) => ({ hostId, az, rack });
  expect(byPlace([host("h10", "b", "r1"), host("h2", "b", "r1"), host("h1", "a", "r2"), host("h3", "a", "r1")], ["a", "c"])).toEqual([
    { az: "a", racks: [{ rack: "r1", hosts: [host("h3", "a", "r1")] }, { rack: "r2", hosts: [host("h1", "a", "r2")] }] },
    { az: "b", racks: [{ rack: "r1", hosts: [host("h2", "b", "r1"), host("h10", "b", "r1")] }] },
    { az: "c", racks: [] },
  ]);
});
