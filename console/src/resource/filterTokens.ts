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
export function filtersOf<Name extends string>(tokens: readonly Token[], nameFilter?: Name | ((text: string) => Name)): Filter<Name>[] {
  return tokens.flatMap(({ propertyKey, operator, value }) => {
    const values = (Array.isArray(value) ? value : [value]).map(String).filter((text) => text !== "");
    const [text] = values;
    if (text === undefined) return [];
    const isFree = propertyKey === undefined;
    const name = propertyKey ?? (typeof nameFilter === "function" ? nameFilter(text) : nameFilter);
    if (name === undefined) return [];
    return [{ name: name as Name, operator: isFree || operator === ":" ? "like" : "eq", values }];
  });
}

/** Filters of the API, as a user would have typed them. */
export function tokensOf<Name extends string>(filters: readonly Filter<Name>[]): (Token & { propertyKey: Name; value: string })[] {
  return filters.flatMap(({ name, operator, values }) =>
    values.map((value) => ({ propertyKey: name, operator: operator === "like" ? ":" : "=", value })),
  );
}
