// What a user types into a table's filter, as filters of the API.

import type { Filter } from "../api/pages";

export interface Token {
  propertyKey?: string | undefined;
  operator: string;
  value: unknown;
}

/**
 * Each token is a filter of its own, so all must let a resource through; free text looks in names.
 *
 * `:` is `like` (a part of it), anything else is equality.
 */
export function filtersOf<Name extends string>(tokens: readonly Token[], nameFilter?: Name): Filter<Name>[] {
  return tokens.flatMap(({ propertyKey, operator, value }) => {
    const values = (Array.isArray(value) ? value : [value]).map(String).filter((text) => text !== "");
    const name = propertyKey ?? nameFilter;
    if (values.length === 0 || name === undefined) return [];
    const isFree = propertyKey === undefined;
    return [{ name: name as Name, operator: isFree || operator === ":" ? "like" : "eq", values }];
  });
}
