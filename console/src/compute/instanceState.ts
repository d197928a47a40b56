// What an instance does, at a glance.

import type { Instance } from "./api";

export type InstanceStatus = Instance["status"];

export const TONES = {
  pending: "pending",
  starting: "in-progress",
  running: "success",
  stopping: "in-progress",
  stopped: "stopped",
  error: "error",
} as const satisfies Record<InstanceStatus, string>;

export const STATUSES = Object.keys(TONES) as readonly InstanceStatus[];

/** A group with all of its instances running, with some, or with none. */
export function toneOfGroup(running: number, count: number): "error" | "stopped" | "success" | "warning" {
  if (count === 0) return "stopped";
  if (running >= count) return "success";
  return running > 0 ? "warning" : "error";
}
