import { expect, test } from "vitest";

import { changedMeanwhile, edited } from "./draft";

const seen = { name: "web", description: "", codes: ["2xx"], checks: { port: 0 } };

test("what was typed is what differs, however deep", () => {
  expect(edited(seen, { ...seen, codes: ["2xx"], checks: { port: 0 } })).toEqual({});
  expect(edited(seen, { ...seen, name: "api", codes: ["2xx", "3xx"] })).toEqual({ name: "api", codes: ["2xx", "3xx"] });
});

test("two who type in the same field have a conflict", () => {
  const now = { ...seen, name: "theirs" };
  expect(changedMeanwhile(seen, now, { name: "mine" })).toEqual([{ field: "name", before: "web", now: "theirs", yours: "mine" }]);
});

test("a field that only the other has changed stays theirs, without a question", () => {
  const now = { ...seen, description: "theirs", checks: { port: 81 } };
  expect(changedMeanwhile(seen, now, { name: "mine" })).toEqual([]);
});

test("who types the same agrees", () => {
  expect(changedMeanwhile(seen, { ...seen, codes: ["3xx"] }, { codes: ["3xx"] })).toEqual([]);
});
