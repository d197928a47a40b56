import { expect, test } from "vitest";

import type { Backend } from "./api";
import { type BackendFields, checkBackend, createSpec, fieldsOf, updateSpec, USUAL_BACKEND } from "./backendFields";

const typed: BackendFields = { ...USUAL_BACKEND, backendName: "api", backendPort: "8080" };

function wrong(changes: Partial<BackendFields>): string[] {
  const problems = checkBackend({ ...typed, ...changes });
  return Object.entries(problems).flatMap(([field, problem]) => (problem === undefined ? [] : [field]));
}

test("what a backend service begins with is right, but for its name and port", () => {
  expect(wrong({})).toEqual([]);
  expect(wrong({ backendName: "", backendPort: "" })).toEqual(["backendName", "backendPort"]);
});

test.each<[Partial<BackendFields>, string[]]>([
  [{ checkTimeoutSeconds: "1" }, ["checkTimeoutSeconds"]],
  [{ checkTimeoutSeconds: "61", intervalSeconds: "4" }, ["checkTimeoutSeconds", "intervalSeconds"]],
  [{ healthyThresholdCount: "0", unhealthyThresholdCount: "6" }, ["healthyThresholdCount", "unhealthyThresholdCount"]],
  [{ backendProtocol: "Udp", checkProtocol: "Http" }, ["checkProtocol"]],
  [{ backendProtocol: "Udp", checkProtocol: "Icmp", checkPort: "nonsense" }, []],
  [{ httpPath: "no slash", httpCode: "9xx" }, []],
  [{ checkProtocol: "Http", httpPath: "no slash", httpCode: "9xx" }, ["httpPath", "httpCode"]],
  [{ checkProtocol: "Http", httpCode: "200-204, 301,4xx" }, []],
  [{ groupKind: "ag" }, ["agId"]],
  [{ groupKind: "targetGroup", agId: "ag-1" }, ["targetGroupId"]],
])("%o is wrong at %o", (changes, fields) => expect(wrong(changes)).toEqual(fields));

test("a ping has no port, and only HTTP asks for a page", () => {
  const ping = createSpec("lb-1", { ...typed, backendProtocol: "Udp", checkProtocol: "Icmp" });
  expect(ping.healthCheckSpec).toEqual({ protocol: "Icmp", checkTimeoutSeconds: 3, intervalSeconds: 5, healthyThresholdCount: 3, unhealthyThresholdCount: 3 });
  const page = createSpec("lb-1", { ...typed, checkProtocol: "Http", httpCode: "2xx, 301" });
  expect(page.healthCheckSpec).toMatchObject({ port: 0, httpPath: "/", httpDomain: "", httpCode: ["2xx", "301"] });
});

test("one server group at most, also when another was chosen before", () => {
  const both = { ...typed, agId: "ag-1", targetGroupId: "tg-1" };
  expect(createSpec("lb-1", { ...both, groupKind: "ag" })).toMatchObject({ agIds: ["ag-1"], targetGroupIds: [] });
  expect(createSpec("lb-1", { ...both, groupKind: "targetGroup" })).toMatchObject({ agIds: [], targetGroupIds: ["tg-1"] });
  expect(createSpec("lb-1", { ...both, groupKind: "later" })).toMatchObject({ agIds: [], targetGroupIds: [] });
});

const there: Backend = {
  agIds: [],
  agInfos: [],
  algorithm: "QuintupleHash",
  backendId: "backend-1",
  backendName: "dns",
  closeHealthCheck: false,
  connectionDrainingSeconds: 0,
  createdTime: "2026-11-22T00:00:00Z",
  description: "",
  healthCheck: { protocol: "Icmp", port: 0, checkTimeoutSeconds: 4, intervalSeconds: 6, healthyThresholdCount: 1, unhealthyThresholdCount: 2 },
  loadBalancerId: "lb-1",
  loadBalancerType: "dnlb",
  port: 53,
  protocol: "Udp",
  proxyProtocol: false,
  sessionStickiness: false,
  targetGroupIds: ["tg-1"],
  withoutMember: "Drop",
};

test("what is read is what would make the same", () => {
  const fields = fieldsOf(there);
  expect(Object.values(checkBackend(fields)).filter((problem) => problem !== undefined)).toEqual([]);
  expect(createSpec("lb-1", fields)).toMatchObject({
    backendName: "dns",
    protocol: "Udp",
    port: 53,
    algorithm: "QuintupleHash",
    connectionDrainingSeconds: 0,
    withoutMember: "Drop",
    targetGroupIds: ["tg-1"],
    healthCheckSpec: { protocol: "Icmp", checkTimeoutSeconds: 4, intervalSeconds: 6, healthyThresholdCount: 1, unhealthyThresholdCount: 2 },
  });
});

test("an editor sends what was typed, and nothing that was not", () => {
  const values = { ...fieldsOf(there), backendName: "names" };
  expect(updateSpec({ backendName: "names" }, values)).toEqual({ backendName: "names" });
  expect(Object.keys(updateSpec({ intervalSeconds: "9" }, values))).toEqual(["healthCheckSpec"]);
  expect(updateSpec({ groupKind: "later" }, { ...values, groupKind: "later" })).toEqual({ agIds: [], targetGroupIds: [] });
});
