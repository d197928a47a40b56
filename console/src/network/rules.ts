// Rules of security groups and of network ACLs: what both have in common, and how the API has them.

import { description, integer, type Problem, type Problems, range, required } from "../form/problems";
import type { NetworkAclRule, SecurityGroupRule } from "./api";
import { anyBlock } from "./blocks";
import type { NetworkKey } from "./texts";

export type Direction = "in" | "out";
export type RuleProtocol = "all" | "tcp" | "udp" | "icmp";
export type RuleAction = "allow" | "deny";

export const PROTOCOLS: readonly RuleProtocol[] = ["tcp", "udp", "icmp", "all"];

export interface Rule {
  ruleId: string;
  direction: Direction;
  protocol: RuleProtocol;
  /** 0 for protocols without ports. */
  fromPort: number;
  toPort: number;
  /** The other side. */
  addressPrefix: string;
  description: string;
  createdTime: string;
  /** Of a network ACL alone: rules of a security group have no order, and all allow. */
  priority?: number;
  action?: RuleAction;
}

const NUMBERS = { all: 300, tcp: 6, udp: 17, icmp: 1 } as const;
const WORDS = { all: "All", tcp: "TCP", udp: "UDP", icmp: "ICMP" } as const;
const FIRST_PORT = 1;
const LAST_PORT = 65_535;
const PRIORITIES = { first: 1, usual: 100, step: 10, last: 32_768 };

function protocolOf(wire: number | string): RuleProtocol {
  return PROTOCOLS.find((protocol) => NUMBERS[protocol] === wire || WORDS[protocol] === wire) ?? "all";
}

export function ruleOfGroup({ direction, protocol, ...rest }: SecurityGroupRule): Rule {
  const { ruleId, fromPort, toPort, addressPrefix, description: text, createdTime } = rest;
  return { ruleId, direction: direction === 0 ? "in" : "out", protocol: protocolOf(protocol), fromPort, toPort, addressPrefix, description: text, createdTime };
}

export function ruleOfAcl({ direction, protocol, ruleAction, ...rest }: NetworkAclRule): Rule {
  const { ruleId, fromPort, toPort, addressPrefix, description: text, createdTime, priority } = rest;
  return {
    ruleId,
    direction: direction === "ingress" ? "in" : "out",
    protocol: protocolOf(protocol),
    fromPort,
    toPort,
    addressPrefix,
    description: text,
    createdTime,
    priority,
    action: ruleAction,
  };
}

/** In the order in which they are asked; among equals the older one is first. */
export function inOrder(rules: readonly Rule[]): Rule[] {
  return [...rules].sort((one, other) => (one.priority ?? 0) - (other.priority ?? 0));
}

export function hasPorts(protocol: RuleProtocol): boolean {
  return protocol === "tcp" || protocol === "udp";
}

/** Empty for protocols without ports. */
export function portsText({ protocol, fromPort, toPort }: Pick<Rule, "protocol" | "fromPort" | "toPort">): string {
  if (!hasPorts(protocol)) return "";
  return fromPort === toPort ? String(fromPort) : `${fromPort}-${toPort}`;
}

export function isEveryPort({ fromPort, toPort }: Pick<Rule, "fromPort" | "toPort">): boolean {
  return fromPort === FIRST_PORT && toPort === LAST_PORT;
}

export interface RuleFields {
  protocol: RuleProtocol;
  /** One port, or a range such as `8000-8100`. */
  ports: string;
  addressPrefix: string;
  description: string;
  /** Of a network ACL alone. */
  priority: string;
  action: RuleAction;
}

export const RULE_NAMES: Record<keyof RuleFields, readonly string[]> = {
  protocol: ["protocol"],
  ports: ["fromPort", "toPort"],
  addressPrefix: ["addressPrefix"],
  description: ["description"],
  priority: ["priority"],
  action: ["ruleAction"],
};

/** Behind all that there are. */
function nextPriority(rules: readonly Rule[]): number {
  if (rules.length === 0) return PRIORITIES.usual;
  const behind = Math.max(...rules.map(({ priority = 0 }) => priority)) + PRIORITIES.step;
  return Math.min(behind, PRIORITIES.last);
}

/** A rule that is to be made, beside others of its direction. */
export function usualRule(beside: readonly Rule[]): RuleFields {
  return { protocol: "tcp", ports: "", addressPrefix: "0.0.0.0/0", description: "", priority: String(nextPriority(beside)), action: "allow" };
}

export function fieldsOf(rule: Rule): RuleFields {
  const { protocol, addressPrefix, description: text, priority = PRIORITIES.usual, action = "allow" } = rule;
  return { protocol, ports: portsText(rule), addressPrefix, description: text, priority: String(priority), action };
}

function portsOf(text: string): { fromPort: number; toPort: number } | null {
  const [first = "", last = first, ...rest] = text.split("-");
  const fromPort = integer(first);
  const toPort = integer(last);
  return rest.length > 0 || fromPort === null || toPort === null ? null : { fromPort, toPort };
}

function portsProblem({ protocol, ports }: RuleFields): Problem<NetworkKey> | undefined {
  if (!hasPorts(protocol)) return undefined;
  if (required(ports) !== undefined) return required(ports);
  const found = portsOf(ports);
  const isRight = found !== null && FIRST_PORT <= found.fromPort && found.fromPort <= found.toPort && found.toPort <= LAST_PORT;
  return isRight ? undefined : ["rule.ports.wrong", { least: FIRST_PORT, most: LAST_PORT }];
}

/** The API allows two rules with one priority, of which the older is asked first: whoever reads the table would not know. */
function priorityProblem(text: string, beside: readonly Rule[]): Problem<NetworkKey> | undefined {
  const problem = range(text, PRIORITIES.first, PRIORITIES.last);
  if (problem !== undefined) return problem;
  return beside.some(({ priority }) => priority === integer(text)) ? ["rule.priority.taken", { priority: text.trim() }] : undefined;
}

/** `beside`: the other rules of its direction, for one of a network ACL. */
export function checkRule(values: RuleFields, beside: readonly Rule[] | null): Problems<RuleFields, NetworkKey> {
  return {
    ports: portsProblem(values),
    addressPrefix: anyBlock(values.addressPrefix),
    description: description(values.description),
    priority: beside === null ? undefined : priorityProblem(values.priority, beside),
  };
}

function portsSpec({ protocol, ports }: Pick<RuleFields, "protocol" | "ports">): { fromPort?: number; toPort?: number } {
  return hasPorts(protocol) ? portsOf(ports) ?? {} : {};
}

export function groupSpec(values: RuleFields, direction: Direction) {
  return {
    direction: direction === "in" ? (0 as const) : (1 as const),
    protocol: NUMBERS[values.protocol],
    ...portsSpec(values),
    addressPrefix: values.addressPrefix.trim(),
    description: values.description,
  };
}

export function aclSpec(values: RuleFields, direction: Direction) {
  return {
    direction: direction === "in" ? ("ingress" as const) : ("egress" as const),
    protocol: WORDS[values.protocol],
    ...portsSpec(values),
    addressPrefix: values.addressPrefix.trim(),
    description: values.description,
    priority: integer(values.priority) ?? PRIORITIES.usual,
    ruleAction: values.action,
  };
}

/** What a change of either kind sends: ports make sense with their protocol alone. */
function commonChange(typed: Partial<RuleFields>, values: RuleFields) {
  const { addressPrefix, description: text } = typed;
  return {
    ...(typed.protocol === undefined && typed.ports === undefined ? {} : portsSpec(values)),
    ...(addressPrefix === undefined ? {} : { addressPrefix: addressPrefix.trim() }),
    ...(text === undefined ? {} : { description: text }),
  };
}

export function groupChange(ruleId: string, typed: Partial<RuleFields>, values: RuleFields) {
  return { ruleId, ...(typed.protocol === undefined ? {} : { protocol: NUMBERS[typed.protocol] }), ...commonChange(typed, values) };
}

export function aclChange(ruleId: string, typed: Partial<RuleFields>, values: RuleFields) {
  const { priority, action } = typed;
  return {
    ruleId,
    ...(typed.protocol === undefined ? {} : { protocol: WORDS[typed.protocol] }),
    ...commonChange(typed, values),
    ...(priority === undefined ? {} : { priority: integer(priority) }),
    ...(action === undefined ? {} : { ruleAction: action }),
  };
}

export type Preset = "http" | "https" | "ssh" | "ping" | "all" | "checks" | "checksSix";

/** Where health checks come from: an address of its own for each family. */
const CHECKS = "169.254.169.110/32";
const CHECKS_SIX = "fd64:6e6c:6200::a9fe:a96e/128";

/** Rules that are made often. */
export const PRESETS: Readonly<Record<Preset, Partial<RuleFields>>> = {
  http: { protocol: "tcp", ports: "80" },
  https: { protocol: "tcp", ports: "443" },
  ssh: { protocol: "tcp", ports: "22" },
  ping: { protocol: "icmp" },
  all: { protocol: "all" },
  checks: { protocol: "all", addressPrefix: CHECKS },
  checksSix: { protocol: "all", addressPrefix: CHECKS_SIX },
};
