import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

import { translated } from "./outcomes";

test("every outcome's meaning and advice is told in Chinese", () => {
  const page = readFileSync(new URL("../../../docs/outcomes.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| \d+ \| `\w+` \| (.+) \| (.+) \|$/gm)];
  // The last column of what was done says how it is counted: that is for the guide alone.
  const counted = ["as the packet's end", "beside the packet's end"];
  const sentences = rows.flatMap(([, meaning = "", last = ""]) => (counted.includes(last) ? [meaning] : [meaning, last]));
  expect(rows.length).toBeGreaterThan(40);
  expect(sentences.length).toBeGreaterThan(rows.length + 20);
  expect(sentences.filter((it) => translated(it, "zh") === it)).toEqual([]);
  expect(sentences.map((it) => translated(it, "en"))).toEqual(sentences);
});

test("what is not known is told as the server says it", () => {
  expect(translated("Something new.", "zh")).toBe("Something new.");
});
