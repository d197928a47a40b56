import { expect, test } from "vitest";

import { spread } from "./spread";

test("zones are counted, also those where nothing is", () => {
  expect(spread([{ az: "b" }, { az: "b" }, { az: "c" }], ["a", "b"])).toEqual([
    { az: "a", count: 0 },
    { az: "b", count: 2 },
    { az: "c", count: 1 },
  ]);
});
