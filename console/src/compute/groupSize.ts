// Growing and shrinking an availability group: what the new instances are called, and which of them go.

import type { Instance } from "./api";

type Placed = Pick<Instance, "az" | "faultDomain" | "hostId" | "instanceId" | "launchTime" | "status">;

/** As many instances as one request makes. */
const BATCH = 100;

/** Instances to make in one request: `web-[3]` is called web-3, web-4 and so on. */
export interface Batch {
  name: string;
  count: number;
}

/** The group's name with the smallest numbers that are free. */
export function batches(taken: readonly string[], group: string, count: number): Batch[] {
  const found: { first: number; count: number }[] = [];
  for (let number = 1, left = count; left > 0; number += 1) {
    if (taken.includes(`${group}-${number}`)) continue;
    const last = found.at(-1);
    if (last !== undefined && last.first + last.count === number && last.count < BATCH) last.count += 1;
    else found.push({ first: number, count: 1 });
    left -= 1;
  }
  return found.map((batch) => ({ name: `${group}-[${batch.first}]`, count: batch.count }));
}

/** Compares by the first thing that differs, the largest first. */
function byRank(one: readonly (number | string)[], other: readonly (number | string)[]): number {
  for (const [place, mine] of one.entries()) {
    const theirs = other[place] ?? mine;
    if (mine !== theirs) return mine > theirs ? -1 : 1;
  }
  return 0;
}

/**
 * Which instances go, that so many may stay: what failed first, then the newest of the fullest host of the fullest rack of the fullest zone.
 *
 * What stays is spread as well as it can be.
 */
export function surplus<Member extends Placed>(members: readonly Member[], stay: number): Member[] {
  let left = [...members];
  const gone: Member[] = [];
  while (left.length > Math.max(stay, 0)) {
    const counts = new Map<string, number>();
    const places = (it: Placed) => [it.az, `${it.az}/${it.faultDomain}`, `${it.az}/${it.faultDomain}/${it.hostId}`];
    left.flatMap(places).forEach((place) => counts.set(place, (counts.get(place) ?? 0) + 1));
    const rank = (it: Placed) => [it.status === "error" ? 1 : 0, ...places(it).map((place) => counts.get(place) ?? 0), it.launchTime, it.instanceId];
    const next = left.reduce((first, it) => (byRank(rank(it), rank(first)) < 0 ? it : first));
    gone.push(next);
    left = left.filter((it) => it !== next);
  }
  return gone;
}
