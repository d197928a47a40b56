import { expect, test } from "vitest";

import { type Block, blockText, contains, freeBlock, isInBlock, overlap, parseBlock, surroundingBlock } from "./addresses";

test.each([
  ["10.0.1.0", "10.0.1.0/24", true],
  ["10.0.1.255", "10.0.1.0/24", true],
  ["10.0.2.0", "10.0.1.0/24", false],
  ["10.0.1.129", "10.0.1.128/25", true],
  ["10.0.1.127", "10.0.1.128/25", false],
  ["fd00::1", "fd00::/64", true],
  ["fd00:0:0:1::1", "fd00::/64", false],
  ["fd00::ffff:10.0.0.1", "fd00::/64", true],
  ["1:2:3:4:5:6:7:8", "1:2:3:4::/64", true],
  ["10.0.1.1", "fd00::/64", false],
  ["::a00:101", "10.0.1.0/24", false],
  ["10.0.1", "10.0.1.0/24", false],
])("%s in %s: %s", (address, block, isIn) => expect(isInBlock(address, block)).toBe(isIn));

function block(text: string): Block {
  const found = parseBlock(text);
  if (found === null) throw new Error(`${text} is no block`);
  return found;
}

test.each(["10.0.0.0/16", "0.0.0.0/0", "10.0.0.1/32", "fd00::/48", "::/0", "fd00:0:0:1::/64", "1:2:3:4:5:6:7:8/128", "1:0:0:4::/64"])("%s is written as it is read", (text) =>
  expect(blockText(block(text))).toBe(text),
);

test.each(["", "10.0.0.0", "10.0.0.1/16", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0.0/a", "fd00::1/64", "fd00::/129", "10.0.0/8"])("`%s` is no block", (text) =>
  expect(parseBlock(text)).toBeNull(),
);

test("an address with a mask is in a block", () => {
  expect(surroundingBlock("10.1.2.3/16")).toEqual(block("10.1.0.0/16"));
  expect(surroundingBlock("fd00:0:0:1:2::/64")).toEqual(block("fd00:0:0:1::/64"));
});

test("blocks contain smaller ones, or are apart", () => {
  expect(contains(block("10.0.0.0/16"), block("10.0.3.0/24"))).toBe(true);
  expect(contains(block("10.0.3.0/24"), block("10.0.0.0/16"))).toBe(false);
  expect(overlap(block("10.0.3.0/24"), block("10.0.0.0/16"))).toBe(true);
  expect(overlap(block("10.0.3.0/24"), block("10.0.4.0/24"))).toBe(false);
  expect(overlap(block("0.0.0.0/0"), block("::/0"))).toBe(false);
});

test.each([
  ["10.0.0.0/16", 24, [], "10.0.0.0/24"],
  ["10.0.0.0/16", 24, ["10.0.0.0/24", "10.0.1.128/25"], "10.0.2.0/24"],
  ["10.0.0.0/16", 24, ["10.0.0.0/20"], "10.0.16.0/24"],
  ["10.0.0.0/26", 24, [], "10.0.0.0/26"],
  ["10.0.0.0/26", 24, ["10.0.0.0/28"], null],
  ["10.0.0.0/23", 24, ["10.0.0.0/24", "10.0.1.0/24"], null],
  ["fd00::/48", 64, ["10.0.0.0/16", "fd00::/64"], "fd00:0:0:1::/64"],
])("in %s, the first free /%i beside %o is %s", (outer, mask, taken, free) => {
  const found = freeBlock(block(outer), mask, taken.map(block));
  expect(found === null ? null : blockText(found)).toBe(free);
});
