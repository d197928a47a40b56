// What part of the records an address asks for: `?userName=ada&resourceId=vpc-1`.

import { useSearch } from "@tanstack/react-router";

import type { Filter } from "../api/pages";

/** Properties by which links lead to a part of the records. */
export const ASKED = ["resourceId", "userName"] as const;

type Asked = Partial<Record<(typeof ASKED)[number], string>>;

/** For the route: what else stands in the address is none of it. */
export function readAsked(search: Record<string, unknown>): Asked {
  return Object.fromEntries(ASKED.flatMap((name) => (typeof search[name] === "string" ? [[name, search[name]]] : []))) as Asked;
}

/** Filters that the address asks for; undefined: none. */
export function useAsked<Name extends (typeof ASKED)[number]>(names: readonly Name[]): readonly Filter<Name>[] | undefined {
  const search: Record<string, unknown> = useSearch({ strict: false });
  const found = readAsked(search);
  const filters = names.flatMap((name) => (found[name] === undefined ? [] : [{ name, operator: "eq" as const, values: [found[name]] }]));
  return filters.length === 0 ? undefined : filters;
}
