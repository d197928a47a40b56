// Where the instances of a group are.

import type { Instance } from "./api";

/** How many there are in each zone; zones of the group without one count, too. */
export function spread(members: readonly Pick<Instance, "az">[], azs: readonly string[]): { az: string; count: number }[] {
  const all = [...new Set([...azs, ...members.map(({ az }) => az)])];
  return all.map((az) => ({ az, count: members.filter((it) => it.az === az).length }));
}
