// What a change has done to a resource, field by field.

import type { ChangedResource } from "./api";

export type Outcome = "created" | "changed" | "deleted";

export function outcomeOf({ before, after }: Pick<ChangedResource, "before" | "after">): Outcome {
  if (before === null) return "created";
  return after === null ? "deleted" : "changed";
}

/** How many resources a change has created, changed and deleted. */
export function counted(changes: readonly Pick<ChangedResource, "before" | "after">[]): { outcome: Outcome; count: number }[] {
  return (["created", "changed", "deleted"] as const)
    .map((outcome) => ({ outcome, count: changes.filter((change) => outcomeOf(change) === outcome).length }))
    .filter(({ count }) => count > 0);
}

export interface FieldChange {
  /** Its name, behind those of the fields that it is in. */
  field: string;
  /** Undefined: there was no such field. */
  before: string | undefined;
  after: string | undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function flat(value: unknown, name: string, into: Map<string, string>): void {
  if (isObject(value) && Object.keys(value).length > 0) {
    Object.entries(value).forEach(([field, inner]) => flat(inner, name === "" ? field : `${name}.${field}`, into));
  } else if (name !== "") {
    into.set(name, typeof value === "string" ? value : JSON.stringify(value));
  }
}

/** Fields in the order in which they were, then those that are new. */
export function fieldChanges({ before, after }: Pick<ChangedResource, "before" | "after">): FieldChange[] {
  const was = new Map<string, string>();
  const is = new Map<string, string>();
  flat(before, "", was);
  flat(after, "", is);
  return [...new Set([...was.keys(), ...is.keys()])].map((field) => ({ field, before: was.get(field), after: is.get(field) }));
}

/** Instead of values that are too many to be kept, their length in bytes is; null: they are there. */
export function lengthOfOmitted({ before, after }: Pick<ChangedResource, "before" | "after">): number | null {
  for (const value of [before, after]) {
    if (isObject(value) && Object.keys(value).join() === "tooLong" && typeof value.tooLong === "number") return value.tooLong;
  }
  return null;
}
