import { expect, test } from "vitest";

import { stateOf } from "./keyState";
import { password, repeated } from "./passwords";
import { isLastAdmin } from "./roles";

const now = new Date("2026-11-26T12:00:00Z");
const past = "2026-11-26T12:00:00Z";
const future = "2026-11-26T12:00:01Z";

test.each([
  [true, undefined, "on"],
  [true, future, "ending"],
  [true, past, "over"],
  [false, undefined, "off"],
  [false, future, "off"],
  [false, past, "over"],
] as const)("a key that is enabled: %s, and ends: %s, is %s", (enabled, expiresTime, state) => {
  expect(stateOf({ enabled, ...(expiresTime === undefined ? {} : { expiresTime }) }, now)).toBe(state);
});

test("a password has 10 to 128 characters, whatever they are", () => {
  expect(password("123456789")).toEqual(["problem.password", { least: 10, most: 128 }]);
  expect(password("一二三四五六七八九十")).toBeUndefined();
  expect(password("🔑".repeat(128))).toBeUndefined();
  expect(password("x".repeat(129))).toBeDefined();
});

test("a password is typed twice alike", () => {
  expect(repeated("one", "one")).toBeUndefined();
  expect(repeated("one", "One")).toEqual(["problem.repeat"]);
});

const user = (userId: string, role: "Viewer" | "Operator" | "Admin", enabled = true) => ({ userId, role, enabled });

test("the last administrator is who alone may change users", () => {
  const ada = user("user-1", "Admin");
  expect(isLastAdmin("user-1", [ada, user("user-2", "Admin", false), user("user-3", "Operator")])).toBe(true);
  expect(isLastAdmin("user-1", [ada, user("user-2", "Admin")])).toBe(false);
  expect(isLastAdmin("user-3", [ada, user("user-3", "Operator")])).toBe(false);
  expect(isLastAdmin("user-1", [])).toBe(false);
});
