import { expect, test } from "vitest";

import { type AllocateFields, allocationSpec, checkAllocation, USUAL_ALLOCATION } from "./allocation";

function wrong(changes: Partial<AllocateFields>): string[] {
  const problems = checkAllocation({ ...USUAL_ALLOCATION, ...changes });
  return Object.entries(problems).flatMap(([field, problem]) => (problem === undefined ? [] : [field]));
}

test.each<[Partial<AllocateFields>, string[]]>([
  [{}, []],
  [{ count: "0" }, ["count"]],
  [{ count: "101" }, ["count"]],
  [{ bandwidthMbps: "201" }, ["bandwidthMbps"]],
  [{ address: "203.0.113.10" }, []],
  [{ address: "203.0.113" }, ["address"]],
  [{ address: "2001:db8::1" }, ["address"]],
  [{ address: "2001:db8::1", ipVersion: "6" }, []],
  // It is not asked for then.
  [{ address: "nonsense", count: "2" }, []],
])("%o is wrong at %o", (changes, fields) => expect(wrong(changes)).toEqual(fields));

test("a certain address is asked for one alone", () => {
  const typed = { ...USUAL_ALLOCATION, address: " 203.0.113.10 " };
  expect(allocationSpec(typed)).toEqual({ maxCount: 1, elasticIpSpec: { bandwidthMbps: 10 }, ipVersion: 4, elasticIpAddress: "203.0.113.10" });
  expect(allocationSpec({ ...typed, count: "3" })).toEqual({ maxCount: 3, elasticIpSpec: { bandwidthMbps: 10 }, ipVersion: 4 });
});
