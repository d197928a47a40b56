// How healthy instances are, as the backend services see it that they serve.

import type { Service } from "./serving";

/** Targets that get connections, as the service sees them; none: it serves no listener. */
export function healthOf({ listeners }: Pick<Service, "listeners">): { healthy: number; total: number } | null {
  const [first] = listeners;
  return first === undefined ? null : { healthy: first.healthyTargets, total: first.totalTargets };
}

/** The health of a group is that of the service that sees least of it healthy: each checks in its own way. */
export function worstOf(services: readonly Pick<Service, "listeners">[]): { healthy: number; total: number } | null {
  const told = services.flatMap((service) => healthOf(service) ?? []);
  return told.sort((one, other) => one.healthy - other.healthy)[0] ?? null;
}
