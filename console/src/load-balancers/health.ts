// Health, counted.

import type { ListenerStatus, TargetHealth } from "./api";

/** All well, some, or none. */
export function summary(healthy: number, total: number): "success" | "warning" | "error" {
  if (healthy >= total) return "success";
  return healthy > 0 ? "warning" : "error";
}

/** Targets of a load balancer: those of a backend service that several listeners share count once. */
export function countOfListeners(listeners: readonly ListenerStatus[]): { healthy: number; total: number } {
  const backends = new Map(listeners.map((listener) => [listener.backendId, listener]));
  let healthy = 0;
  let total = 0;
  for (const listener of backends.values()) {
    healthy += listener.healthyTargets;
    total += listener.totalTargets;
  }
  return { healthy, total };
}

/** Who gets new flows: the healthy, and those that nobody checks. */
export function countOfTargets(targets: readonly TargetHealth[]): { healthy: number; total: number } {
  return { healthy: targets.filter(({ status }) => status !== "unhealthy").length, total: targets.length };
}
