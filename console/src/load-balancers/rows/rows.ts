// How a backend service's rows are divided, compared with what weights ask for.

import type { RowDistribution, TargetRows } from "../api";

/** A target's rows, as parts of the longest bar that is drawn. */
export interface RowBar extends TargetRows {
  /** Its part of all rows: of new flows it gets as many. */
  share: number;
  bar: number;
  mark: number;
}

export function barsOf({ rows, targets }: RowDistribution): RowBar[] {
  const longest = Math.max(1, ...targets.map((it) => Math.max(it.rows, it.wantedRows)));
  return targets.map((it) => ({ ...it, share: rows === 0 ? 0 : it.rows / rows, bar: it.rows / longest, mark: it.wantedRows / longest }));
}
