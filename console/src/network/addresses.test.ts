import { expect, test } from "vitest";

import { isInBlock } from "./addresses";

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
