// Availability groups as lists show them, made, grown and shrunk.

import { everything, type Page, type PageRequest } from "../api/pages";
import { makeAll } from "../app/undo";
import {
  type AgFilter,
  type AvailabilityGroup,
  availabilityGroups,
  createAvailabilityGroup,
  createInstances,
  deleteAvailabilityGroup,
  deleteInstance,
  type Instance,
  instances,
} from "./api";
import { type GroupFields, groupSpec, sizeOf } from "./groupFields";
import { batches, surplus } from "./groupSize";
import { type Service, servicesOfGroups } from "./serving";

export interface ListedGroup extends AvailabilityGroup {
  running: number;
  services: readonly Service[];
}

/** All that do not run: mostly few, so they are quicker to find than those that do. */
const NOT_RUNNING = { name: "status", operator: "eq", values: ["pending", "starting", "stopping", "stopped", "error"] } as const;

async function listed(groups: readonly AvailabilityGroup[]): Promise<ListedGroup[]> {
  if (groups.length === 0) return [];
  const ids = groups.map(({ id }) => id);
  const [others, services] = await Promise.all([everything(instances, [{ name: "agId", operator: "eq", values: ids }, NOT_RUNNING]), servicesOfGroups(ids)]);
  return groups.map((group) => ({
    ...group,
    running: Math.max(0, group.count - others.filter(({ ag }) => ag?.id === group.id).length),
    services: services.filter(({ backend }) => backend.agIds.includes(group.id)),
  }));
}

export async function listedGroups(request: PageRequest<AgFilter>): Promise<Page<ListedGroup>> {
  const { items, total } = await availabilityGroups(request);
  return { items: await listed(items), total };
}

export async function listedGroup(group: AvailabilityGroup): Promise<ListedGroup> {
  const [found] = await listed([group]);
  return found ?? { ...group, running: 0, services: [] };
}

export function members(agId: string): Promise<Instance[]> {
  return everything(instances, [{ name: "agId", operator: "eq", values: [agId] }]);
}

async function grow(agId: string, group: string, taken: readonly string[], more: number): Promise<void> {
  for (const { name, count } of batches(taken, group, more)) await createInstances({ agId, name }, count);
}

/** A group with its first instances: both, or neither. */
export async function makeGroup(values: GroupFields, zones: readonly string[]): Promise<string> {
  const count = sizeOf(values);
  const group = {
    name: "group",
    make: () => createAvailabilityGroup(groupSpec(values, zones)),
    undo: deleteAvailabilityGroup,
  };
  const first = {
    name: "members",
    make: async (made: ReadonlyMap<string, string>) => {
      await grow(made.get("group") ?? "", values.agName, [], count);
      return String(count);
    },
  };
  const made = await makeAll(count === 0 ? [group] : [group, first]);
  return made.get("group") ?? "";
}

/** Makes or deletes instances until there are so many. What was done stays done when the next is refused: it can be asked for again. */
export async function resize(group: Pick<AvailabilityGroup, "id" | "name">, wanted: number): Promise<void> {
  const found = await members(group.id);
  const names = found.map(({ instanceName }) => instanceName);
  await grow(group.id, group.name, names, Math.max(0, wanted - found.length));
  for (const { instanceId } of surplus(found, wanted)) await deleteInstance(instanceId);
}
