import { expect, test } from "vitest";

import { checkGroup, checkSize, groupSpec, USUAL_GROUP } from "./groupFields";

const ZONES = ["a", "b"];
const WEB = { ...USUAL_GROUP, agName: "web", templateId: "it-1" };

test("a group is in all zones but those that are not wanted", () => {
  expect(groupSpec(WEB, ZONES)).toEqual({ agName: "web", description: "", instanceTemplateId: "it-1", azs: ZONES });
  expect(groupSpec({ ...WEB, without: ["a"] }, ZONES).azs).toEqual(["b"]);
});

test("a group is somewhere", () => {
  expect(checkGroup({ ...WEB, without: ["a"] }, ZONES).without).toBeUndefined();
  expect(checkGroup({ ...WEB, without: ZONES }, ZONES).without).toEqual(["ag.azs.needed"]);
});

test.each([
  ["0", undefined],
  ["100", undefined],
  ["101", "problem.range"],
  ["", "problem.required"],
])("%s first instances", (count, problem) => expect(checkGroup({ ...WEB, count }, ZONES).count?.[0]).toBe(problem));

test.each([
  ["3", undefined],
  ["2", "ag.size.same"],
  ["-1", "problem.range"],
  ["many", "problem.range"],
])("from 2 to %s instances", (count, problem) => expect(checkSize(count, 2)?.[0]).toBe(problem));
