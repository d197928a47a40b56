import { expect, test } from "vitest";

import { filtersOf, tokensOf } from "./filterTokens";
import { parsePreferences } from "./tablePreferences";

const usual = { pageSize: 20, columns: ["name", "id"], wraps: false };
const known = ["name", "id", "vip"];

test("without anything stored, or with nonsense, a table is as usual", () => {
  expect(parsePreferences(null, usual, known)).toEqual(usual);
  expect(parsePreferences("{", usual, known)).toEqual(usual);
  expect(parsePreferences("null", usual, known)).toEqual(usual);
});

test("what the user chose is kept, in the table's order and sizes that the API gives", () => {
  const stored = JSON.stringify({ pageSize: 50, columns: ["vip", "name"], wraps: true, known });
  expect(parsePreferences(stored, usual, known)).toEqual({ pageSize: 50, columns: ["name", "vip"], wraps: true });
  expect(parsePreferences(JSON.stringify({ pageSize: 7 }), usual, known).pageSize).toBe(20);
});

test("columns that a later version has are shown, those it lost are not", () => {
  const stored = JSON.stringify({ columns: ["name", "gone"], known: ["name", "gone"] });
  expect(parsePreferences(stored, usual, known).columns).toEqual(["name", "id"]);
});

test("free text looks for a part of a name, a property for what its operator says", () => {
  const tokens = [
    { operator: ":", value: "we" },
    { propertyKey: "vpcId", operator: "=", value: "vpc-1" },
    { propertyKey: "names", operator: ":", value: "b" },
    { propertyKey: "names", operator: "=", value: "" },
  ];
  expect(filtersOf(tokens, "names")).toEqual([
    { name: "names", operator: "like", values: ["we"] },
    { name: "vpcId", operator: "eq", values: ["vpc-1"] },
    { name: "names", operator: "like", values: ["b"] },
  ]);
});

test("without a filter for names, free text is none", () => {
  expect(filtersOf([{ operator: ":", value: "we" }, { propertyKey: "userId", operator: "=", value: "user-1" }])).toEqual([
    { name: "userId", operator: "eq", values: ["user-1"] },
  ]);
});

test("free text may be about different things, as it looks", () => {
  const byLook = (text: string) => (text.includes("-") ? "resourceId" : "operation");
  const tokens = [{ operator: ":", value: "Delete" }, { operator: ":", value: "vpc-1" }];
  expect(filtersOf(tokens, byLook).map(({ name }) => name)).toEqual(["operation", "resourceId"]);
});

test("filters that a link asks for are what somebody could have typed", () => {
  const asked = [{ name: "userName", operator: "eq", values: ["ada"] }, { name: "operation", operator: "like", values: ["Delete"] }] as const;
  expect(filtersOf(tokensOf(asked))).toEqual(asked);
});
