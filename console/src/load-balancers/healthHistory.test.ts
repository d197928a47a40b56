import { expect, test } from "vitest";

import { type Change, changesOf, healthyShare, historyOf, type State, type Stretch } from "./healthHistory";

const at = (minute: number) => Date.UTC(2026, 10, 27, 10, minute);
const iso = (minute: number) => new Date(at(minute)).toISOString();
const change = (minute: number, state: Change["state"], instanceId = "i-1"): Change => ({ instanceId, atMs: at(minute), state });
const target = (status: "healthy" | "unhealthy" | "N/A", since?: number) => ({ instanceId: "i-1", status, ...(since === undefined ? {} : { sinceTime: iso(since) }) });
const short = (stretches: readonly Stretch[]): [State, number][] => stretches.map(({ state, toMs }) => [state, (toMs - at(0)) / 60_000]);

/** From minute 0 to minute 60. */
const history = (of: ReturnType<typeof target>, changes: readonly Change[]) => short(historyOf(of, changes, at(0), at(60)));

test("only changes of health count, and only those that say of which target", () => {
  expect(
    changesOf([
      { kind: "TargetUnhealthy", time: iso(5), resourceId: "b", instanceId: "i-1" },
      { kind: "DrainBegun", time: iso(4), resourceId: "b", instanceId: "i-1" },
      { kind: "TargetHealthy", time: iso(3), resourceId: "b" },
      { kind: "TargetHealthy", time: iso(2), resourceId: "b", instanceId: "i-2" },
      { kind: "InstanceFailed", time: iso(1), resourceId: "i-3" },
      { kind: "InstanceRunning", time: iso(0), resourceId: "i-3" },
    ]),
  ).toEqual([change(5, "unhealthy"), change(2, "healthy", "i-2"), change(1, "unhealthy", "i-3"), change(0, "unknown", "i-3")]);
});

test("a change before the time says how it began", () => {
  expect(history(target("healthy", 40), [change(40, "healthy"), change(30, "unhealthy"), change(-20, "healthy"), change(10, "unhealthy", "i-2")])).toEqual([
    ["healthy", 30],
    ["unhealthy", 40],
    ["healthy", 60],
  ]);
});

test("what nobody remembers is not known", () => {
  expect(history(target("healthy", 40), [change(40, "healthy")])).toEqual([["unknown", 40], ["healthy", 60]]);
});

test("where nothing has changed it was what it is", () => {
  expect(history(target("unhealthy", -500), [])).toEqual([["unhealthy", 60]]);
});

test("what a target says of itself wins over events that are missing", () => {
  expect(history(target("unhealthy", 50), [change(-20, "healthy")])).toEqual([["healthy", 50], ["unhealthy", 60]]);
  expect(history(target("healthy", 20), [])).toEqual([["unknown", 20], ["healthy", 60]]);
});

test("what nobody checks any more has a past, and no state", () => {
  expect(history(target("N/A"), [change(10, "healthy"), change(-5, "unhealthy")])).toEqual([["unhealthy", 10], ["unknown", 60]]);
  expect(history(target("N/A"), [])).toEqual([["unknown", 60]]);
});

test("an instance that does not run serves nothing, although no check says so", () => {
  expect(history(target("unhealthy"), [change(20, "unhealthy"), change(-30, "healthy")])).toEqual([["healthy", 20], ["unhealthy", 60]]);
  expect(history(target("unhealthy"), [change(-30, "healthy")])).toEqual([["unknown", 60]]);
  // It came back, and what checks said before holds on.
  expect(history(target("healthy", -30), [change(25, "unknown"), change(20, "unhealthy"), change(-30, "healthy")])).toEqual([["healthy", 20], ["unhealthy", 25], ["healthy", 60]]);
});

test("the healthy part is one of what is known", () => {
  expect(healthyShare(historyOf(target("healthy", 45), [change(45, "healthy"), change(30, "unhealthy")], at(0), at(60)))).toBe(0.5);
  expect(healthyShare(historyOf(target("N/A"), [], at(0), at(60)))).toBeNull();
});
