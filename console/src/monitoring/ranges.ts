// The times that charts show: how long, in which steps, and how often they are read anew.

import type { Unit } from "../texts/texts";
import type { Step } from "./api";

interface Range {
  amount: number;
  unit: Unit;
  seconds: number;
  /** The server tells of whole steps that are over, so long ones would keep charts behind; a chart has some hundreds of points. */
  step: Step;
  refreshMs: number;
}

export const RANGES = {
  "5m": { amount: 5, unit: "minute", seconds: 300, step: 1, refreshMs: 2_000 },
  "1h": { amount: 1, unit: "hour", seconds: 3_600, step: 10, refreshMs: 10_000 },
  "1d": { amount: 1, unit: "day", seconds: 86_400, step: 300, refreshMs: 30_000 },
  "1w": { amount: 1, unit: "week", seconds: 604_800, step: 900, refreshMs: 60_000 },
  "30d": { amount: 30, unit: "day", seconds: 2_592_000, step: 3_600, refreshMs: 60_000 },
} as const satisfies Record<string, Range>;

export type RangeId = keyof typeof RANGES;

export const RANGE_IDS = Object.keys(RANGES) as readonly RangeId[];

/** What an address asks for; five minutes, if it asks for nothing that there is. */
export function rangeOf(text: string | undefined): RangeId {
  return RANGE_IDS.find((id) => id === text) ?? "5m";
}

/** Since when to ask. The last five minutes are the server's to know: our clock may be another one. */
export function beginOf(range: RangeId, now: Date): string | undefined {
  if (range === "5m") return undefined;
  return new Date(now.getTime() - RANGES[range].seconds * 1_000).toISOString().replace(/\.\d+Z$/, "Z");
}
