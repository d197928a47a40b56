import { expect, test } from "vitest";

import { address, description, instanceName, isAddress, name, range } from "./problems";

test.each(["web", "a".repeat(32), "商店-1", "_"])("%s is a name", (text) => expect(name(text)).toBeUndefined());
test.each(["", "  ", "a b", "a".repeat(33), "naïve", "a.b"])("`%s` is no name", (text) => expect(name(text)).toBeDefined());

test.each(["web.1", "ab", "a".repeat(128), "商店-1"])("%s is an instance's name", (text) => expect(instanceName(text)).toBeUndefined());
test.each(["", "a", ".ab", "ab.", "a b", "a".repeat(129)])("`%s` is no instance's name", (text) => expect(instanceName(text)).toBeDefined());

test("what is missing is called missing, not wrong", () => {
  expect(name("")).toEqual(["problem.required"]);
  expect(range("", 1, 9)).toEqual(["problem.required"]);
});

test("a description is counted in characters, as the API does", () => {
  expect(description("😀".repeat(256))).toBeUndefined();
  expect(description("a".repeat(257))).toEqual(["problem.long", { most: 256 }]);
});

test.each([
  ["1", true],
  ["65535", true],
  [" 80 ", true],
  ["0", false],
  ["65536", false],
  ["80.5", false],
  ["1e3", false],
  ["0x50", false],
  ["-1", false],
])("%s as a port: %s", (text, isRight) => expect(range(text, 1, 65535) === undefined).toBe(isRight));

test.each(["10.0.0.1", "255.255.255.255", "::", "::1", "fd00::1:2", "1:2:3:4:5:6:7:8", "::ffff:10.0.0.1", "1:2:3:4:5:6:7::"])("%s is an address", (text) =>
  expect(isAddress(text)).toBe(true),
);
test.each(["", "10.0.0", "10.0.0.256", "10.0.0.1/24", "1:2:3", "1::2::3", "1:2:3:4:5:6:7:8:9", "g::1", "12345::", "1:2:3:4:5:6:7:8::"])("`%s` is no address", (text) => {
  expect(isAddress(text)).toBe(false);
  expect(address(text)?.[0]).toBe("problem.address");
});
