// Whether an access key still signs.

import type { AccessKey } from "./api";

/** `ending`: it was rotated, and counts for a while beside its successor. */
export type KeyState = "on" | "ending" | "over" | "off";

export function stateOf({ enabled, expiresTime }: Pick<AccessKey, "enabled" | "expiresTime">, now: Date): KeyState {
  if (expiresTime !== undefined && Date.parse(expiresTime) <= now.getTime()) return "over";
  if (!enabled) return "off";
  return expiresTime === undefined ? "on" : "ending";
}
