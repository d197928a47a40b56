// What a target's health was over a time: stretches of one state, from the events in which it changed.

import type { TargetHealth } from "./api";

/** `unknown`: not checked, or nobody remembers. */
export type State = "healthy" | "unhealthy" | "unknown";

export interface Change {
  instanceId: string;
  atMs: number;
  state: "healthy" | "unhealthy";
}

export interface Stretch {
  fromMs: number;
  toMs: number;
  state: State;
}

interface ToldEvent {
  kind: string;
  time: string;
  instanceId?: string;
}

/** Those of events that say how a target is from then on; the newest event comes first, as the API lists them. */
export function changesOf(events: readonly ToldEvent[]): Change[] {
  return events.flatMap(({ kind, time, instanceId }) => {
    const state = kind === "TargetHealthy" ? ("healthy" as const) : kind === "TargetUnhealthy" ? ("unhealthy" as const) : null;
    return state === null || instanceId === undefined ? [] : [{ instanceId, atMs: Date.parse(time), state }];
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
  const now: State = target.status === "N/A" || sinceMs === null ? "unknown" : target.status;

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
  if (sinceMs !== null && now !== "unknown" && sinceMs < toMs && state !== now) {
    const from = Math.max(at, sinceMs);
    stay(state, at, from);
    at = from;
    state = now;
  }
  stay(now === "unknown" ? "unknown" : state, at, toMs);
  return stretches;
}

/** How much of the time it was healthy, of that of which anything is known; null: nothing is. */
export function healthyShare(stretches: readonly Stretch[]): number | null {
  const length = (states: readonly State[]) => stretches.filter(({ state }) => states.includes(state)).reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
  const known = length(["healthy", "unhealthy"]);
  return known === 0 ? null : length(["healthy"]) / known;
}
