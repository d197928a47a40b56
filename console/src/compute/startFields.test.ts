import { expect, test } from "vitest";

import { checkStart, type StartFields, startFieldsOf, startSpec } from "./startFields";

const NOTHING: StartFields = { script: "", metadata: [] };

test("a script travels as it is, whatever its characters", () => {
  const values = { script: "#!/bin/sh\necho 你好 😀\n", metadata: [{ key: "role", value: "web" }] };
  expect(startFieldsOf(startSpec(values))).toEqual(values);
});

test("what is not given stays, and an empty script is taken away", () => {
  expect(startSpec({})).toEqual({});
  expect(startSpec({ script: "" })).toEqual({ userdata: [] });
  expect(startSpec({ metadata: [] })).toEqual({ metadata: [] });
  expect(startFieldsOf({})).toEqual(NOTHING);
});

test("a script begins by saying what runs it, and is counted in bytes", () => {
  expect(checkStart({ ...NOTHING, script: "echo" }).script).toEqual(["start.script.begin"]);
  expect(checkStart({ ...NOTHING, script: `#!${"a".repeat(16_382)}` }).script).toBeUndefined();
  expect(checkStart({ ...NOTHING, script: `#!${"é".repeat(8_192)}` }).script).toEqual(["start.script.long", { most: 16_384 }]);
});

test.each<[string, StartFields["metadata"], string | undefined]>([
  ["two keys", [{ key: "a", value: "" }, { key: "b", value: "" }], undefined],
  ["a key twice", [{ key: "a", value: "1" }, { key: "a", value: "2" }], "start.metadata.twice"],
  ["no key", [{ key: "", value: "1" }], "start.metadata.key"],
  ["a long key", [{ key: "é".repeat(129), value: "" }], "start.metadata.long"],
  ["a long value", [{ key: "a", value: "a".repeat(16_385) }], "start.metadata.long"],
  ["many", Array.from({ length: 21 }, (_, n) => ({ key: String(n), value: "" })), "start.metadata.many"],
])("metadata with %s", (_, metadata, problem) => expect(checkStart({ ...NOTHING, metadata }).metadata?.[0]).toBe(problem));
