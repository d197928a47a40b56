import { expect, test } from "vitest";

import { ApiError, fieldNamedBy, isMissing } from "./errors";

const fields = { name: ["listenerName"], port: ["port"], checkPort: ["healthCheckSpec.port"], code: ["healthCheckSpec.httpCode"] };

function refused(message: string, code = 400): ApiError {
  return new ApiError(code, "INVALID_ARGUMENT", message, "r");
}

test.each([
  ["listenerName `a b` is not valid: 1 to 32 characters", "name"],
  ["port 80 of load balancer lb-1 is taken by listener l-1 (web)", "port"],
  ["missing field `port`", "port"],
  ["healthCheckSpec.port 70000 is not in 0 to 65535", "checkPort"],
  ["`listenerName` is not valid", "name"],
  ["protocol `Sctp` is neither Tcp nor Udp", null],
  ["availability group ag-1 is in another VPC; port 80", null],
])("`%s` is about %s", (message, field) => {
  expect(fieldNamedBy(refused(message), fields)).toBe(field);
});

test("an inner field stands for itself when the form has no other of that name", () => {
  expect(fieldNamedBy(refused("healthCheckSpec.httpCode: `9xx` is none"), { code: ["httpCode"] })).toBe("code");
});

test("the server's own failures are about no field", () => {
  expect(fieldNamedBy(refused("port of the store is closed", 500), fields)).toBeNull();
  expect(fieldNamedBy(new Error("port"), fields)).toBeNull();
});

test("only what the API does not have is missing", () => {
  expect(isMissing(refused("not found", 404))).toBe(true);
  expect(isMissing(refused("no", 403))).toBe(false);
});
