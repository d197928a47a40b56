// How a host is doing, and where the hosts of a region are.

import type { Host } from "./api";

export type Condition = "behind" | "current" | "down" | "failing" | "joining";

export const TONES = {
  current: "success",
  behind: "in-progress",
  joining: "pending",
  failing: "warning",
  down: "error",
} as const satisfies Record<Condition, string>;

export const CONDITIONS = Object.keys(TONES) as readonly Condition[];

type Seen = Pick<Host, "appliedRevision" | "error" | "state" | "wantedRevision">;

export function conditionOf({ appliedRevision, error, state, wantedRevision }: Seen): Condition {
  if (state === "Down") return "down";
  if (error !== undefined && error !== "") return "failing";
  if (appliedRevision === undefined) return "joining";
  return appliedRevision < wantedRevision ? "behind" : "current";
}

/** How many generations a host has to catch up; none: it has not said which one it has. */
export function behindBy({ appliedRevision, wantedRevision }: Pick<Host, "appliedRevision" | "wantedRevision">): number | null {
  return appliedRevision === undefined ? null : Math.max(0, wantedRevision - appliedRevision);
}

export interface Zone<One> {
  az: string;
  racks: readonly { rack: string; hosts: readonly One[] }[];
}

/** Hosts by zone and rack, each in the order of their names; zones without hosts are there, too. */
export function byPlace<One extends Pick<Host, "az" | "hostId" | "rack">>(hosts: readonly One[], zones: readonly string[]): Zone<One>[] {
  const sorted = (names: Iterable<string>) => [...new Set(names)].sort((one, other) => one.localeCompare(other, "en", { numeric: true }));
  return sorted([...zones, ...hosts.map(({ az }) => az)]).map((az) => {
    const inZone = hosts.filter((host) => host.az === az);
    const racks = sorted(inZone.map(({ rack }) => rack)).map((rack) => {
      const inRack = inZone.filter((host) => host.rack === rack);
      const order = sorted(inRack.map(({ hostId }) => hostId));
      return { rack, hosts: inRack.sort((one, other) => order.indexOf(one.hostId) - order.indexOf(other.hostId)) };
    });
    return { az, racks };
  });
}

/** The region at a glance. */
export function countOf(hosts: readonly Seen[]): { total: number; up: number; current: number } {
  const conditions = hosts.map(conditionOf);
  return {
    total: hosts.length,
    up: conditions.filter((condition) => condition !== "down").length,
    current: conditions.filter((condition) => condition === "current").length,
  };
}
