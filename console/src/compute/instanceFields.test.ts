import { expect, test } from "vitest";

import { changeSpec, checkInstance, checkNew, fieldsOf, newSpec } from "./instanceFields";

const NEW = { name: "caller", templateId: "it-1", az: "a", count: "1" };

test("several new instances are numbered, one is not", () => {
  expect(newSpec(NEW)).toEqual({ spec: { name: "caller", instanceTemplateId: "it-1", az: "a" }, count: 1 });
  expect(newSpec({ ...NEW, count: "3" })).toMatchObject({ spec: { name: "caller-[1]" }, count: 3 });
});

test("a new instance has a place and a template", () => {
  expect(checkNew(NEW)).toEqual({});
  expect(Object.keys(checkNew({ name: "c", templateId: "", az: "", count: "0" }))).toEqual(["name", "templateId", "az", "count"]);
});

test("a change sends what was typed alone", () => {
  expect(changeSpec({ name: "shop.1" })).toEqual({ name: "shop.1" });
  expect(changeSpec({ description: "", script: "" })).toEqual({ description: "", userdata: [] });
});

test("an instance is called by rules of its own", () => {
  const values = fieldsOf({ instanceName: "web.1", description: "" });
  expect(checkInstance(values).name).toBeUndefined();
  expect(checkInstance({ ...values, name: "web." }).name).toEqual(["problem.instanceName"]);
});
