// Somebody types, somebody else saves: what has become of a resource since an editor was opened.

export interface Change<Field extends string = string> {
  field: Field;
  before: unknown;
  now: unknown;
  yours: unknown;
}

function same(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...keys].every((key) => same((one as Record<string, unknown>)[key], (other as Record<string, unknown>)[key]));
}

/** What was typed: fields whose value is not that with which the editor was opened. */
export function edited<Values extends object>(before: Values, yours: Values): Partial<Values> {
  const keys = Object.keys(before) as (keyof Values)[];
  return Object.fromEntries(keys.filter((key) => !same(before[key], yours[key])).map((key) => [key, yours[key]])) as Partial<Values>;
}

/**
 * Typed fields that somebody else has changed meanwhile, unless to the same value.
 *
 * What only they have changed is no conflict: a change sends typed fields alone, so theirs stay.
 */
export function changedMeanwhile<Values extends object>(seen: Values, now: Values, typed: Partial<Values>): Change<keyof Values & string>[] {
  const keys = Object.keys(typed) as (keyof Values & string)[];
  return keys
    .filter((field) => !same(seen[field], now[field]) && !same(now[field], typed[field]))
    .map((field) => ({ field, before: seen[field], now: now[field], yours: typed[field] }));
}
