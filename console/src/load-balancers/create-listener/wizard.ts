// What the wizard knows: its fields, what follows from what is typed, what is wrong in which step, and what is made in the end.

import type { Step } from "../../app/undo";
import { chosen, integer, name, type Problem, type Problems, range } from "../../form/problems";
import type { Backend, Listener, Protocol } from "../api";
import { BACKEND_NAMES, type BackendFields, CHECK_FIELDS, checkGroup, checkHealth, checkService, createSpec, USUAL_BACKEND, usualCheck } from "../backendFields";
import type { LbKey } from "../texts";

export interface WizardFields extends BackendFields {
  protocol: Protocol;
  port: string;
  listenerName: string;
  idleSeconds: string;
  mode: "create" | "select";
  /** The backend service that is shared. */
  backendId: string;
}

/** What there is already in the load balancer. */
export interface Surroundings {
  listeners: readonly Pick<Listener, "listenerName" | "port" | "protocol">[];
  backends: readonly Backend[];
}

const IDLE_SECONDS: Record<Protocol, string> = { Tcp: "1800", Udp: "300" };

export const USUAL_WIZARD: WizardFields = {
  ...USUAL_BACKEND,
  protocol: "Tcp",
  port: "",
  listenerName: "",
  idleSeconds: IDLE_SECONDS.Tcp,
  mode: "create",
  backendId: "",
};

export const WIZARD_NAMES: Record<keyof WizardFields, readonly string[]> = {
  ...BACKEND_NAMES,
  protocol: [],
  port: ["port"],
  listenerName: ["listenerName"],
  idleSeconds: ["connectionIdleTimeSeconds"],
  mode: [],
  backendId: ["backendId", "backend"],
};

/** Fields by step, in the order of the steps. */
export const STEPS: readonly (readonly (keyof WizardFields)[])[] = [
  ["protocol", "port", "listenerName", "idleSeconds"],
  ["mode", "backendId", "backendName", "backendDescription", "backendPort", "algorithm", "drainingSeconds", "withoutMember"],
  CHECK_FIELDS,
  ["groupKind", "agId", "targetGroupId"],
];

export function stepOf(field: string): number | null {
  const step = STEPS.findIndex((fields) => fields.some((one) => one === field));
  return step === -1 ? null : step;
}

function usualNames({ protocol, port }: Pick<WizardFields, "port" | "protocol">): { listenerName: string; backendName: string } {
  const stem = port === "" ? "" : `${protocol.toLowerCase()}-${port}`;
  return { listenerName: stem, backendName: stem === "" ? "" : `backend-${stem}` };
}

/** All that changes when one field does: what nobody has typed follows what somebody has. */
export function following<Field extends keyof WizardFields>(values: WizardFields, field: Field, value: WizardFields[Field]): Partial<WizardFields> {
  const next = { ...values, [field]: value };
  const changes: Partial<WizardFields> = { [field]: value } as Partial<WizardFields>;
  if (field !== "protocol" && field !== "port") return changes;
  const was = usualNames(values);
  const is = usualNames(next);
  if (values.listenerName === was.listenerName) changes.listenerName = is.listenerName;
  if (values.backendName === was.backendName) changes.backendName = is.backendName;
  if (values.backendPort === values.port) changes.backendPort = next.port;
  if (field === "protocol") {
    // A backend service has its listeners' protocol, and its checks are of that protocol's.
    changes.backendProtocol = next.protocol;
    changes.checkProtocol = usualCheck(next.protocol);
    changes.backendId = "";
    if (values.idleSeconds === IDLE_SECONDS[values.protocol]) changes.idleSeconds = IDLE_SECONDS[next.protocol];
  }
  return changes;
}

function portProblem(values: WizardFields, { listeners }: Surroundings): Problem<LbKey> | undefined {
  const wrong = range(values.port, 1, 65_535);
  if (wrong !== undefined) return wrong;
  const port = integer(values.port);
  const other = listeners.find((listener) => listener.protocol === values.protocol && listener.port === port);
  return other === undefined ? undefined : ["listener.taken", { name: other.listenerName }];
}

export function checkWizard(values: WizardFields, around: Surroundings): Problems<WizardFields, LbKey> {
  const listening: Problems<WizardFields, LbKey> = {
    port: portProblem(values, around),
    listenerName: name(values.listenerName),
    idleSeconds: range(values.idleSeconds, 10, 86_400),
  };
  // What is shared was typed by somebody else, and is not sent.
  if (values.mode === "select") return { ...listening, backendId: chosen(values.backendId) };
  return { ...listening, ...checkService(values), ...checkHealth(values), ...checkGroup(values) };
}

/** Fields of a step with something wrong. */
export function wrongFields(step: number, problems: Problems<WizardFields, string>): (keyof WizardFields)[] {
  return (STEPS[step] ?? []).filter((field) => problems[field] !== undefined);
}

/** The step to show: the wanted one, or the first before it in which something is wrong. */
export function reachableStep(wanted: number, problems: Problems<WizardFields, string>): number {
  for (let step = 0; step < wanted; step += 1) {
    if (wrongFields(step, problems).length > 0) return step;
  }
  return wanted;
}

/** How things are made, looked for and deleted. */
export interface Region {
  createBackend: (spec: ReturnType<typeof createSpec>) => Promise<string>;
  deleteBackend: (id: string) => Promise<unknown>;
  backends: () => Promise<readonly Pick<Backend, "backendId" | "backendName">[]>;
  createListener: (spec: ReturnType<typeof listenerSpec>) => Promise<string>;
  listeners: () => Promise<readonly Pick<Listener, "listenerId" | "port" | "protocol" | "backendId">[]>;
}

export function listenerSpec(loadBalancerId: string, values: WizardFields, backendId: string) {
  return {
    loadBalancerId,
    listenerName: values.listenerName,
    protocol: values.protocol,
    port: integer(values.port) ?? 0,
    connectionIdleTimeSeconds: integer(values.idleSeconds),
    backendId,
  };
}

/** What the wizard makes, in its order. After silence of the server it is looked for what came of it. */
export function stepsOf(loadBalancerId: string, values: WizardFields, around: Surroundings, region: Region): Step[] {
  const known = new Set(around.backends.map(({ backendId }) => backendId));
  const backend: Step = {
    name: "backend",
    make: () => region.createBackend(createSpec(loadBalancerId, values)),
    find: async () => {
      const found = (await region.backends()).find((one) => one.backendName === values.backendName && !known.has(one.backendId));
      return found?.backendId ?? null;
    },
    undo: region.deleteBackend,
  };
  const backendOf = (made: ReadonlyMap<string, string>) => made.get("backend") ?? values.backendId;
  const listener: Step = {
    name: "listener",
    make: (made) => region.createListener(listenerSpec(loadBalancerId, values, backendOf(made))),
    find: async (made) => {
      const port = integer(values.port);
      const found = (await region.listeners()).find((one) => one.protocol === values.protocol && one.port === port && one.backendId === backendOf(made));
      return found?.listenerId ?? null;
    },
  };
  return values.mode === "create" ? [backend, listener] : [listener];
}
