import { expect, test } from "vitest";

import { ApiError, Unreachable } from "../../api/errors";
import { makeAll, NotMade } from "../../app/undo";
import type { Backend } from "../api";
import { checkWizard, following, reachableStep, type Region, stepOf, STEPS, stepsOf, USUAL_WIZARD, type WizardFields, wrongFields } from "./wizard";

const nothing = { listeners: [], backends: [] };

function type(values: WizardFields, ...typed: { [Field in keyof WizardFields]: [Field, WizardFields[Field]] }[keyof WizardFields][]): WizardFields {
  return typed.reduce<WizardFields>((old, [field, value]) => ({ ...old, ...following(old, field, value as never) }), values);
}

test("a port is all that has to be typed", () => {
  const values = type(USUAL_WIZARD, ["port", "80"]);
  expect(values).toMatchObject({ listenerName: "tcp-80", backendName: "backend-tcp-80", backendPort: "80", idleSeconds: "1800" });
  expect(STEPS.flatMap((_, step) => wrongFields(step, checkWizard(values, nothing)))).toEqual([]);
});

test("what was typed does not follow", () => {
  const values = type(USUAL_WIZARD, ["port", "80"], ["listenerName", "web"], ["backendPort", "8080"], ["idleSeconds", "60"], ["port", "81"], ["protocol", "Udp"]);
  expect(values).toMatchObject({ listenerName: "web", backendName: "backend-udp-81", backendPort: "8080", idleSeconds: "60" });
});

test("the protocol decides the backend service's, the usual check and who may be shared", () => {
  const values = type(USUAL_WIZARD, ["mode", "select"], ["backendId", "backend-1"], ["protocol", "Udp"]);
  expect(values).toMatchObject({ backendProtocol: "Udp", checkProtocol: "Icmp", backendId: "", idleSeconds: "300" });
});

test("a port that another listener of the protocol has is known in the first step", () => {
  const around = { listeners: [{ listenerName: "web", protocol: "Tcp", port: 80 }], backends: [] } as const;
  expect(checkWizard(type(USUAL_WIZARD, ["port", "80"]), around).port).toEqual(["listener.taken", { name: "web" }]);
  expect(checkWizard(type(USUAL_WIZARD, ["protocol", "Udp"], ["port", "80"]), around).port).toBeUndefined();
  expect(checkWizard(type(USUAL_WIZARD, ["port", "81"]), around).port).toBeUndefined();
});

test("nobody gets past a step with something wrong in it, in either direction back", () => {
  const problems = checkWizard({ ...type(USUAL_WIZARD, ["port", "80"]), backendName: "", intervalSeconds: "1" }, nothing);
  expect([0, 1, 2, 3, 4].map((wanted) => reachableStep(wanted, problems))).toEqual([0, 1, 1, 1, 1]);
  expect(reachableStep(3, checkWizard(USUAL_WIZARD, nothing))).toBe(0);
});

test("the settings of a shared backend service are not typed here, so they are not wrong here", () => {
  const values = { ...type(USUAL_WIZARD, ["port", "80"], ["mode", "select"], ["backendId", "backend-1"]), backendName: "", intervalSeconds: "1" };
  expect(STEPS.flatMap((_, step) => wrongFields(step, checkWizard(values, nothing)))).toEqual([]);
  expect(checkWizard({ ...values, backendId: "" }, nothing).backendId).toEqual(["problem.choose"]);
});

test("every field is in one step", () => {
  const all = STEPS.flat();
  expect(new Set(all).size).toBe(all.length);
  // The backend service's protocol is the listener's.
  expect(Object.keys(USUAL_WIZARD).filter((field) => stepOf(field) === null)).toEqual(["backendProtocol"]);
  expect(stepOf("checkPort")).toBe(2);
});

/** A load balancer to make things in, whose answers may be lost. */
class Balancer implements Region {
  readonly made = { backends: new Map<string, string>(), listeners: [] as { listenerId: string; port: number; protocol: "Tcp" | "Udp"; backendId: string }[] };
  constructor(private readonly fails: { listener?: unknown; lostBackend?: boolean; lostListener?: boolean } = {}) {}

  createBackend: Region["createBackend"] = async (spec) => {
    const id = `backend-${this.made.backends.size + 1}`;
    this.made.backends.set(id, spec.backendName);
    if (this.fails.lostBackend === true) throw new Unreachable();
    return id;
  };
  deleteBackend: Region["deleteBackend"] = async (id) => this.made.backends.delete(id);
  backends: Region["backends"] = async () => [...this.made.backends].map(([backendId, backendName]) => ({ backendId, backendName }));
  createListener: Region["createListener"] = async ({ port, protocol, backendId }) => {
    if (this.fails.listener !== undefined) throw this.fails.listener;
    this.made.listeners.push({ listenerId: "listener-1", port, protocol, backendId });
    if (this.fails.lostListener === true) throw new Unreachable();
    return "listener-1";
  };
  listeners: Region["listeners"] = async () => this.made.listeners;
}

const ready = type(USUAL_WIZARD, ["port", "80"]);

test("a new backend service and its listener are made together", async () => {
  const balancer = new Balancer();
  await makeAll(stepsOf("lb-1", ready, nothing, balancer));
  expect(balancer.made.listeners).toEqual([{ listenerId: "listener-1", port: 80, protocol: "Tcp", backendId: "backend-1" }]);
});

test("a shared backend service is used, and never deleted", async () => {
  const shared = { ...ready, mode: "select" as const, backendId: "backend-9" };
  const balancer = new Balancer({ listener: new ApiError(409, "ALREADY_EXISTS", "port 80 is taken", "") });
  balancer.made.backends.set("backend-9", "shared");
  await expect(makeAll(stepsOf("lb-1", shared, nothing, balancer))).rejects.toBeInstanceOf(NotMade);
  expect([...balancer.made.backends.keys()]).toEqual(["backend-9"]);
});

test("a listener that is refused takes the backend service with it", async () => {
  const balancer = new Balancer({ listener: new ApiError(409, "ALREADY_EXISTS", "port 80 is taken", "") });
  await expect(makeAll(stepsOf("lb-1", ready, nothing, balancer))).rejects.toMatchObject({ undone: ["backend"], left: [] });
  expect(balancer.made.backends.size).toBe(0);
});

test("lost answers are no lost listeners, and make nothing twice", async () => {
  const balancer = new Balancer({ lostBackend: true, lostListener: true });
  // One of the same name was there before: it is not taken for the new one.
  balancer.made.backends.set("backend-0", ready.backendName);
  const around = { listeners: [], backends: [{ backendId: "backend-0", backendName: ready.backendName } as Backend] };
  await makeAll(stepsOf("lb-1", ready, around, balancer));
  expect(balancer.made.backends.size).toBe(2);
  expect(balancer.made.listeners).toEqual([{ listenerId: "listener-1", port: 80, protocol: "Tcp", backendId: "backend-2" }]);
});
