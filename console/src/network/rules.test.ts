import { expect, test } from "vitest";

import { parseBlock } from "./addresses";
import {
  aclChange,
  aclSpec,
  checkRule,
  fieldsOf,
  groupChange,
  groupSpec,
  inOrder,
  isEveryPort,
  portsText,
  PRESETS,
  type Rule,
  type RuleFields,
  ruleOfAcl,
  ruleOfGroup,
  usualRule,
} from "./rules";

const typed: RuleFields = { protocol: "tcp", ports: "80", addressPrefix: "10.0.0.0/8", description: "", priority: "100", action: "allow" };

function rule(priority: number, ruleId = `rule-${priority}`): Rule {
  return { ruleId, direction: "in", protocol: "all", fromPort: 0, toPort: 0, addressPrefix: "0.0.0.0/0", description: "", createdTime: "", priority, action: "deny" };
}

function wrong(changes: Partial<RuleFields>, beside: readonly Rule[] | null = []): string[] {
  const problems = checkRule({ ...typed, ...changes }, beside);
  return Object.entries(problems).flatMap(([field, problem]) => (problem === undefined ? [] : [field]));
}

test.each(["80", "1-65535", "8000-8100", " 80 ", "80 - 90"])("%s are ports", (ports) => expect(wrong({ ports })).toEqual([]));
test.each(["", "0", "65536", "90-80", "80-", "-80", "80,90", "1-2-3", "http"])("`%s` are no ports", (ports) => {
  expect(wrong({ ports })).toEqual(["ports"]);
  expect(wrong({ ports, protocol: "icmp" })).toEqual([]);
});

test("a priority is that of one rule, in a network ACL", () => {
  expect(wrong({ priority: "0" })).toEqual(["priority"]);
  expect(wrong({ priority: "32769" })).toEqual(["priority"]);
  expect(checkRule(typed, [rule(100)]).priority).toEqual(["rule.priority.taken", { priority: "100" }]);
  expect(wrong({}, [rule(99), rule(101)])).toEqual([]);
  expect(wrong({ priority: "" }, null)).toEqual([]);
});

test("a new rule comes behind all others", () => {
  expect(usualRule([]).priority).toBe("100");
  expect(usualRule([rule(200), rule(100)]).priority).toBe("210");
  expect(usualRule([rule(32_768)]).priority).toBe("32768");
});

test("rules are in the order in which they are asked", () => {
  const rules = [rule(200), rule(100, "older"), rule(100, "newer")];
  expect(inOrder(rules).map(({ ruleId }) => ruleId)).toEqual(["older", "newer", "rule-200"]);
});

test("protocols without ports send none", () => {
  expect(groupSpec({ ...typed, protocol: "icmp" }, "out")).toEqual({ direction: 1, protocol: 1, addressPrefix: "10.0.0.0/8", description: "" });
  expect(aclSpec({ ...typed, ports: "80-90", action: "deny" }, "in")).toEqual({
    direction: "ingress",
    protocol: "TCP",
    fromPort: 80,
    toPort: 90,
    addressPrefix: "10.0.0.0/8",
    description: "",
    priority: 100,
    ruleAction: "deny",
  });
});

test("a change sends what was typed, and ports with their protocol", () => {
  const values: RuleFields = { ...typed, protocol: "udp", ports: "53" };
  expect(groupChange("rule-1", { protocol: "udp" }, values)).toEqual({ ruleId: "rule-1", protocol: 17, fromPort: 53, toPort: 53 });
  expect(groupChange("rule-1", { description: "dns" }, values)).toEqual({ ruleId: "rule-1", description: "dns" });
  expect(aclChange("rule-1", { priority: "7", action: "deny" }, values)).toEqual({ ruleId: "rule-1", priority: 7, ruleAction: "deny" });
  expect(aclChange("rule-1", { protocol: "all" }, { ...values, protocol: "all" })).toEqual({ ruleId: "rule-1", protocol: "All" });
});

test("what is read is what would make the same", () => {
  const rest = { ruleId: "rule-1", addressPrefix: "10.0.0.0/8", description: "", createdTime: "", ipVersion: 4, ruleType: "custom" } as const;
  const ofGroup = ruleOfGroup({ ...rest, direction: 1, protocol: 17, fromPort: 1, toPort: 65_535 });
  expect(isEveryPort(ofGroup)).toBe(true);
  expect(groupSpec(fieldsOf(ofGroup), ofGroup.direction)).toMatchObject({ direction: 1, protocol: 17, fromPort: 1, toPort: 65_535 });
  const ofAcl = ruleOfAcl({ ...rest, direction: "ingress", protocol: "ICMP", fromPort: 0, toPort: 0, priority: 5, ruleAction: "deny" });
  expect(portsText(ofAcl)).toBe("");
  expect(aclSpec(fieldsOf(ofAcl), ofAcl.direction)).toMatchObject({ direction: "ingress", protocol: "ICMP", priority: 5, ruleAction: "deny" });
});

test("rules that are made often are right", () => {
  for (const preset of Object.values(PRESETS)) expect(wrong({ ...typed, ...preset })).toEqual([]);
  expect(parseBlock(PRESETS.checksSix.addressPrefix ?? "")).not.toBeNull();
});
