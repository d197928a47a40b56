// What has rules, whichever kind it is.

import { ApiError } from "../api/errors";
import {
  addAclRule,
  addGroupRule,
  networkAcl,
  type NetworkAcl,
  removeAclRule,
  removeGroupRule,
  securityGroup,
  type SecurityGroup,
  updateAclRule,
  updateGroupRule,
} from "./api";
import { aclChange, aclSpec, type Direction, groupChange, groupSpec, inOrder, type Rule, type RuleFields, ruleOfAcl, ruleOfGroup } from "./rules";

export interface RuleSet {
  /** Names it among all that was read. */
  id: string;
  name: string;
  /** Whether its rules have priorities and may deny, as those of a network ACL. */
  isOrdered: boolean;
  /** In the order in which they are asked. */
  rules: () => Promise<Rule[]>;
  rule: (ruleId: string) => Promise<Rule>;
  add: (values: RuleFields, direction: Direction) => Promise<void>;
  change: (ruleId: string, typed: Partial<RuleFields>, values: RuleFields) => Promise<void>;
  remove: (ruleId: string) => Promise<void>;
}

async function found(rules: Promise<readonly Rule[]>, ruleId: string): Promise<Rule> {
  const rule = (await rules).find((one) => one.ruleId === ruleId);
  if (rule === undefined) throw new ApiError(404, "NOT_FOUND", `rule ${ruleId} was removed`, "");
  return rule;
}

export function rulesOfGroup({ networkSecurityGroupId: id, networkSecurityGroupName: name }: SecurityGroup): RuleSet {
  const rules = async () => (await securityGroup(id)).securityGroupRules.map(ruleOfGroup);
  return {
    id,
    name,
    isOrdered: false,
    rules,
    rule: (ruleId) => found(rules(), ruleId),
    add: (values, direction) => addGroupRule(id, groupSpec(values, direction)),
    change: (ruleId, typed, values) => updateGroupRule(id, groupChange(ruleId, typed, values)),
    remove: (ruleId) => removeGroupRule(id, ruleId),
  };
}

export function rulesOfAcl({ networkAclId: id, networkAclName: name }: NetworkAcl): RuleSet {
  const rules = async () => inOrder((await networkAcl(id)).networkAclRules.map(ruleOfAcl));
  return {
    id,
    name,
    isOrdered: true,
    rules,
    rule: (ruleId) => found(rules(), ruleId),
    add: (values, direction) => addAclRule(id, aclSpec(values, direction)),
    change: (ruleId, typed, values) => updateAclRule(id, aclChange(ruleId, typed, values)),
    remove: (ruleId) => removeAclRule(id, ruleId),
  };
}
