// The fields of a backend service, wherever they are typed: what they begin with, what may be wrong, and what goes to the API.

import { firstOf, integer, name, description, type Problem, type Problems, range, chosen } from "../form/problems";
import type { Backend, Protocol } from "./api";
import type { LbKey } from "./texts";

export type CheckProtocol = Backend["healthCheck"]["protocol"];
export type Algorithm = Backend["algorithm"];
export type WithoutMember = NonNullable<Backend["withoutMember"]>;

/** Which servers take the traffic; `later`: none yet. */
export type GroupKind = "ag" | "targetGroup" | "later";

export interface BackendFields {
  backendName: string;
  backendDescription: string;
  backendProtocol: Protocol;
  backendPort: string;
  algorithm: Algorithm;
  drainingSeconds: string;
  withoutMember: WithoutMember;
  checkProtocol: CheckProtocol;
  checkPort: string;
  checkTimeoutSeconds: string;
  intervalSeconds: string;
  healthyThresholdCount: string;
  unhealthyThresholdCount: string;
  httpPath: string;
  httpDomain: string;
  httpCode: string;
  groupKind: GroupKind;
  agId: string;
  targetGroupId: string;
}

/** What a check by HTTP asks for unless somebody says otherwise. */
const USUAL_PATH = "/";
const USUAL_CODES = "2xx,3xx";

/** How a protocol is checked unless somebody says otherwise. */
export function usualCheck(protocol: Protocol): CheckProtocol {
  return protocol === "Udp" ? "Icmp" : "Tcp";
}

export function checksOf(protocol: Protocol): readonly CheckProtocol[] {
  return protocol === "Udp" ? ["Icmp", "Tcp"] : ["Tcp", "Http"];
}

export const USUAL_BACKEND: BackendFields = {
  backendName: "",
  backendDescription: "",
  backendProtocol: "Tcp",
  backendPort: "",
  algorithm: "IpHash",
  drainingSeconds: "300",
  withoutMember: "Reset",
  checkProtocol: "Tcp",
  checkPort: "0",
  checkTimeoutSeconds: "3",
  intervalSeconds: "5",
  healthyThresholdCount: "3",
  unhealthyThresholdCount: "3",
  httpPath: USUAL_PATH,
  httpDomain: "",
  httpCode: USUAL_CODES,
  groupKind: "later",
  agId: "",
  targetGroupId: "",
};

/** What the API calls them in its sentences. */
export const BACKEND_NAMES: Record<keyof BackendFields, readonly string[]> = {
  backendName: ["backendName"],
  backendDescription: [],
  backendProtocol: [],
  backendPort: [],
  algorithm: ["algorithm"],
  drainingSeconds: ["connectionDrainingSeconds"],
  withoutMember: ["withoutMember"],
  checkProtocol: ["healthCheckSpec.protocol"],
  checkPort: ["healthCheckSpec.port"],
  checkTimeoutSeconds: ["healthCheckSpec.checkTimeoutSeconds"],
  intervalSeconds: ["healthCheckSpec.intervalSeconds"],
  healthyThresholdCount: ["healthCheckSpec.healthyThresholdCount"],
  unhealthyThresholdCount: ["healthCheckSpec.unhealthyThresholdCount"],
  httpPath: ["healthCheckSpec.httpPath"],
  httpDomain: ["healthCheckSpec.httpDomain"],
  httpCode: ["healthCheckSpec.httpCode"],
  groupKind: [],
  // Its sentences about a group of another VPC or load balancer begin with the kind.
  agId: ["agIds", "agInfoSpec.agId", "availability"],
  targetGroupId: ["targetGroupIds", "target"],
};

const PATH = /^\/[^\s"\\`|^]*$/u;
const DOMAIN = /^[A-Za-z0-9.:-]{1,255}$/;
const CODE = "([234]xx|[234][0-9]{2}(-[234][0-9]{2})?)";
const CODES = new RegExp(`^${CODE}(,${CODE})*$`);

function codes(text: string): readonly string[] {
  return text.split(",").map((code) => code.trim()).filter((code) => code !== "");
}

function codesProblem(text: string): Problem<LbKey> | undefined {
  return CODES.test(codes(text).join(",")) ? undefined : ["check.codes.wrong"];
}

type BackendProblems = Problems<BackendFields, LbKey>;

export function checkService(values: BackendFields): BackendProblems {
  return {
    backendName: name(values.backendName),
    backendDescription: description(values.backendDescription),
    backendPort: range(values.backendPort, 1, 65_535),
    drainingSeconds: range(values.drainingSeconds, 0, 3_600),
  };
}

export function checkHealth(values: BackendFields): BackendProblems {
  const isHttp = values.checkProtocol === "Http";
  return {
    checkProtocol: checksOf(values.backendProtocol).includes(values.checkProtocol) ? undefined : ["problem.choose"],
    checkPort: values.checkProtocol === "Icmp" ? undefined : range(values.checkPort, 0, 65_535),
    checkTimeoutSeconds: range(values.checkTimeoutSeconds, 2, 60),
    intervalSeconds: range(values.intervalSeconds, 5, 300),
    healthyThresholdCount: range(values.healthyThresholdCount, 1, 5),
    unhealthyThresholdCount: range(values.unhealthyThresholdCount, 1, 5),
    httpPath: isHttp && !PATH.test(values.httpPath) ? ["check.path.wrong"] : undefined,
    httpDomain: isHttp && values.httpDomain !== "" && !DOMAIN.test(values.httpDomain) ? ["check.domain.wrong"] : undefined,
    httpCode: isHttp ? firstOf(codesProblem(values.httpCode)) : undefined,
  };
}

export function checkGroup(values: BackendFields): BackendProblems {
  return {
    agId: values.groupKind === "ag" ? chosen(values.agId) : undefined,
    targetGroupId: values.groupKind === "targetGroup" ? chosen(values.targetGroupId) : undefined,
  };
}

export function checkBackend(values: BackendFields): BackendProblems {
  return { ...checkService(values), ...checkHealth(values), ...checkGroup(values) };
}

/** A number that was checked before. */
function number(text: string): number {
  return integer(text) ?? 0;
}

function healthCheckSpec(values: BackendFields) {
  return {
    protocol: values.checkProtocol,
    checkTimeoutSeconds: number(values.checkTimeoutSeconds),
    intervalSeconds: number(values.intervalSeconds),
    healthyThresholdCount: number(values.healthyThresholdCount),
    unhealthyThresholdCount: number(values.unhealthyThresholdCount),
    ...(values.checkProtocol === "Icmp" ? {} : { port: number(values.checkPort) }),
    ...(values.checkProtocol === "Http"
      ? { httpPath: values.httpPath, httpDomain: values.httpDomain, httpCode: [...codes(values.httpCode)] }
      : {}),
  };
}

/** The server group as the API has it: one list has one entry, or none has any. */
export function groupSpec(values: Pick<BackendFields, "groupKind" | "agId" | "targetGroupId">): { agIds: string[]; targetGroupIds: string[] } {
  return {
    agIds: values.groupKind === "ag" ? [values.agId] : [],
    targetGroupIds: values.groupKind === "targetGroup" ? [values.targetGroupId] : [],
  };
}

export function createSpec(loadBalancerId: string, values: BackendFields) {
  return {
    loadBalancerId,
    backendName: values.backendName,
    description: values.backendDescription,
    protocol: values.backendProtocol,
    port: number(values.backendPort),
    algorithm: values.algorithm,
    connectionDrainingSeconds: number(values.drainingSeconds),
    withoutMember: values.withoutMember,
    healthCheckSpec: healthCheckSpec(values),
    ...groupSpec(values),
  };
}

export function fieldsOf(backend: Backend): BackendFields {
  const { healthCheck, agIds, targetGroupIds } = backend;
  const [agId = ""] = agIds;
  const [targetGroupId = ""] = targetGroupIds;
  return {
    backendName: backend.backendName,
    backendDescription: backend.description,
    backendProtocol: backend.protocol,
    backendPort: String(backend.port),
    algorithm: backend.algorithm,
    drainingSeconds: String(backend.connectionDrainingSeconds ?? USUAL_BACKEND.drainingSeconds),
    withoutMember: backend.withoutMember ?? "Reset",
    checkProtocol: healthCheck.protocol,
    checkPort: String(healthCheck.port),
    checkTimeoutSeconds: String(healthCheck.checkTimeoutSeconds),
    intervalSeconds: String(healthCheck.intervalSeconds),
    healthyThresholdCount: String(healthCheck.healthyThresholdCount),
    unhealthyThresholdCount: String(healthCheck.unhealthyThresholdCount),
    httpPath: healthCheck.httpPath ?? USUAL_PATH,
    httpDomain: healthCheck.httpDomain ?? "",
    httpCode: healthCheck.httpCode?.join(",") ?? USUAL_CODES,
    groupKind: agId !== "" ? "ag" : targetGroupId !== "" ? "targetGroup" : "later",
    agId,
    targetGroupId,
  };
}

/** Those of the health check. */
export const CHECK_FIELDS = [
  "checkProtocol",
  "checkPort",
  "checkTimeoutSeconds",
  "intervalSeconds",
  "healthyThresholdCount",
  "unhealthyThresholdCount",
  "httpPath",
  "httpDomain",
  "httpCode",
] as const satisfies readonly (keyof BackendFields)[];

/** What an editor sends: only what was typed. */
export function updateSpec(typed: Partial<BackendFields>, values: BackendFields) {
  const isTyped = (...fields: (keyof BackendFields)[]) => fields.some((field) => field in typed);
  return {
    ...(isTyped("backendName") ? { backendName: values.backendName } : {}),
    ...(isTyped("backendDescription") ? { description: values.backendDescription } : {}),
    ...(isTyped("algorithm") ? { algorithm: values.algorithm } : {}),
    ...(isTyped("drainingSeconds") ? { connectionDrainingSeconds: number(values.drainingSeconds) } : {}),
    ...(isTyped("withoutMember") ? { withoutMember: values.withoutMember } : {}),
    ...(isTyped(...CHECK_FIELDS) ? { healthCheckSpec: healthCheckSpec(values) } : {}),
    ...(isTyped("groupKind", "agId", "targetGroupId") ? groupSpec(values) : {}),
  };
}
