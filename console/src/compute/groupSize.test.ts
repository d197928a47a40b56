import { expect, test } from "vitest";

import { batches, surplus } from "./groupSize";

test("new instances take the smallest numbers that are free", () => {
  expect(batches([], "web", 3)).toEqual([{ name: "web-[1]", count: 3 }]);
  expect(batches(["web-2", "web-4", "other-1"], "web", 3)).toEqual([
    { name: "web-[1]", count: 1 },
    { name: "web-[3]", count: 1 },
    { name: "web-[5]", count: 1 },
  ]);
  expect(batches([], "web", 0)).toEqual([]);
});

test("one request makes a hundred at most", () => {
  expect(batches([], "web", 250)).toEqual([
    { name: "web-[1]", count: 100 },
    { name: "web-[101]", count: 100 },
    { name: "web-[201]", count: 50 },
  ]);
});

function member(instanceId: string, az: string, faultDomain: string, hostId: string, more: { launchTime?: string; status?: "error" } = {}) {
  return { instanceId, az, faultDomain, hostId, launchTime: more.launchTime ?? "2026-01-01T00:00:00Z", status: more.status ?? "running" } as const;
}

const ids = (members: readonly { instanceId: string }[]) => members.map(({ instanceId }) => instanceId);

test("the fullest zone, rack and host give up theirs first", () => {
  const spread = [
    member("a1", "a", "r1", "h1"),
    member("a2", "a", "r1", "h1"),
    member("a3", "a", "r1", "h2"),
    member("a4", "a", "r2", "h3"),
    member("b1", "b", "r1", "h4"),
    member("b2", "b", "r1", "h4"),
  ];
  expect(ids(surplus(spread, 5))).toEqual(["a2"]);
  expect(ids(surplus(spread, 4))).toEqual(["a2", "a3"]);
  expect(ids(surplus(spread, 2)).sort()).toEqual(["a2", "a3", "a4", "b2"]);
  expect(surplus(spread, 6)).toEqual([]);
  expect(surplus(spread, 0)).toHaveLength(6);
});

test("racks of two zones that are called the same are two", () => {
  expect(ids(surplus([member("a1", "a", "r1", "h1"), member("b1", "b", "r1", "h2"), member("b2", "b", "r2", "h3")], 2))).toEqual(["b2"]);
});

test("what failed goes first, then what is newest", () => {
  const members = [
    member("old", "a", "r1", "h1"),
    member("new", "a", "r1", "h1", { launchTime: "2026-01-02T00:00:00Z" }),
    member("failed", "b", "r1", "h2", { status: "error" }),
  ];
  expect(ids(surplus(members, 1))).toEqual(["failed", "new"]);
});
