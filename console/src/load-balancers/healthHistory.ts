// What a target's health was over a time: stretches of one state, from the events in which it changed.

import type { TargetHealth } from "./api";

/** `unknown`: not checked, or nobody remembers. */
export type State = "healthy" | "unhealthy" | "unknown";

export interface Change {
  instanceId: string;
  atMs: number;
  state: State;
}

export interface Stretch {
  fromMs: number;
  toMs: number;
  state: State;
}

interface ToldEvent {
  kind: string;
  time: string;
  resourceId: string;
  instanceId?: string;
}

/** How a target is after an event of it, or of its instance: one that does not run is not checked, and gets nothing. */
const STATES: Readonly<Record<string, State>> = {
  TargetHealthy: "healthy",
  TargetUnhealthy: "unhealthy",
  InstanceFailed: "unhealthy",
  InstanceStopped: "unhealthy",
  InstanceRunning: "unknown",
};

export const KINDS = Object.keys(STATES);

/** Those of events that say how a target is from then on. */
export function changesOf(events: readonly ToldEvent[]): Change[] {
  return events.flatMap(({ kind, time, resourceId, instanceId }) => {
    const state = STATES[kind];
    const of = kind.startsWith("Instance") ? resourceId : instanceId;
    return state === undefined || of === undefined ? [] : [{ instanceId: of, atMs: Date.parse(time), state }];
  });
}

/**
 * The stretches from one moment to another.
 *
 * What was before the first change in that time is known if a change before it is. Where nothing has changed, it is what it is now if
 * checks have said so since before that time; a target that nobody checks has no state.
 */
export function historyOf(target: Pick<TargetHealth, "instanceId" | "status" | "sinceTime">, changes: readonly Change[], fromMs: number, toMs: number): Stretch[] {
  const own = changes.filter(({ instanceId }) => instanceId === target.instanceId).sort((one, other) => one.atMs - other.atMs);
  const before = own.filter(({ atMs }) => atMs <= fromMs).at(-1);
  const within = own.filter(({ atMs }) => atMs > fromMs && atMs < toMs);
  const sinceMs = target.sinceTime === undefined ? null : Date.parse(target.sinceTime);

  const stretches: Stretch[] = [];
  const stay = (state: State, from: number, to: number) => {
    const last = stretches.at(-1);
    if (last !== undefined && last.state === state) last.toMs = to;
    else if (to > from) stretches.push({ fromMs: from, toMs: to, state });
  };
  let at = fromMs;
  let state: State = before?.state ?? "unknown";
  for (const change of within) {
    stay(state, at, change.atMs);
    at = change.atMs;
    state = change.state;
  }
  // An event may be forgotten, or be on its way: what the target says of itself wins from when it says so.
  if (sinceMs !== null && target.status !== "N/A" && sinceMs < toMs && state !== target.status) {
    const from = Math.max(at, sinceMs);
    stay(state, at, from);
    at = from;
    state = target.status;
  }
  // Without a time of its own it has no checks now, and events that say something else are not the last ones.
  stay(sinceMs === null && state !== target.status ? "unknown" : state, at, toMs);
  return stretches;
}

/** How much of the time it was healthy, of that of which anything is known; null: nothing is. */
export function healthyShare(stretches: readonly Stretch[]): number | null {
  const length = (states: readonly State[]) => stretches.filter(({ state }) => states.includes(state)).reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
  const known = length(["healthy", "unhealthy"]);
  return known === 0 ? null : length(["healthy"]) / known;
}
