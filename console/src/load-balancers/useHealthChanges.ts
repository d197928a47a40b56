// When targets of a backend service became healthy or unhealthy, as events of them and of their instances tell.

import { useQuery } from "@tanstack/react-query";

import type { Filter } from "../api/pages";
import { type Event, type EventFilter, events } from "../records/api";
import { type Change, changesOf, KINDS } from "./healthHistory";

const HOUR_MS = 3_600_000;
export const SPANS = { hour: HOUR_MS, day: 24 * HOUR_MS } as const;
export type Span = keyof typeof SPANS;

const REFRESH_MS = 10_000;
/** The API's limit for one reply. */
const PART = 1_000;
/** Of more instances nobody asks whether they ran: a request has to name each. */
const MOST_INSTANCES = 100;
/** Targets that flap for a day without end are not read to the end. */
const MOST_PARTS = 5;

export interface Changes {
  fromMs: number;
  toMs: number;
  changes: readonly Change[];
}

function iso(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

async function read(backendId: string, instanceIds: readonly string[], span: Span): Promise<Changes> {
  const toMs = Date.now();
  const fromMs = toMs - SPANS[span];
  const filters: readonly Filter<EventFilter>[] = [
    { name: "resourceId", operator: "eq", values: [backendId, ...(instanceIds.length > MOST_INSTANCES ? [] : instanceIds)] },
    { name: "kind", operator: "eq", values: KINDS },
  ];
  const found: Event[] = [];
  let nextToken = "";
  for (let parts = 0; parts < MOST_PARTS; parts += 1) {
    const part = await events({ filters, maxResults: PART, nextToken }, { beginTime: iso(fromMs) });
    found.push(...part.items);
    nextToken = part.nextToken;
    if (nextToken === "") break;
  }
  // What was last before says how the time began.
  const before = await events({ filters, maxResults: PART, nextToken: "" }, { endTime: iso(fromMs) });
  return { fromMs, toMs, changes: changesOf([...found, ...before.items]) };
}

/** Undefined: not read yet, or nothing to read. */
export function useHealthChanges(backendId: string, instanceIds: readonly string[], span: Span): Changes | undefined {
  return useQuery({
    queryKey: ["healthChanges", backendId, instanceIds, span],
    queryFn: () => read(backendId, instanceIds, span),
    refetchInterval: REFRESH_MS,
    enabled: instanceIds.length > 0,
  }).data;
}
