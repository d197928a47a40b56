// A part of the past, as a user chooses it, and as the API takes it.

export type Range =
  | { type: "relative"; amount: number; unit: "second" | "minute" | "hour" | "day" | "week" | "month" | "year" }
  | { type: "absolute"; startDate: string; endDate: string };

/** None: all that is remembered. */
export interface Times {
  beginTime?: string;
  endTime?: string;
}

const SECONDS = { second: 1, minute: 60, hour: 3_600, day: 86_400, week: 604_800 } as const;

/** The API takes whole seconds. */
function iso(moment: Date): string {
  return moment.toISOString().replace(/\.\d+Z$/, "Z");
}

export function timesOf(range: Range | null, now: Date): Times {
  if (range === null) return {};
  if (range.type === "absolute") {
    return { beginTime: iso(new Date(range.startDate)), endTime: iso(new Date(range.endDate)) };
  }
  const begin = new Date(now);
  if (range.unit === "month") begin.setMonth(begin.getMonth() - range.amount);
  else if (range.unit === "year") begin.setFullYear(begin.getFullYear() - range.amount);
  else begin.setTime(begin.getTime() - range.amount * SECONDS[range.unit] * 1_000);
  return { beginTime: iso(begin) };
}

/** Whether a range can be asked for: both ends are there, in their order. */
export function isRange(range: Range): boolean {
  if (range.type === "relative") return Number.isInteger(range.amount) && range.amount > 0;
  const [start, end] = [Date.parse(range.startDate), Date.parse(range.endDate)];
  return start < end;
}
