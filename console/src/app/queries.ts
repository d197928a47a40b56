// What was read from the server: kept, and refreshed while somebody looks.

import { MutationCache, QueryClient } from "@tanstack/react-query";

import { Unreachable } from "../api/errors";

const LIVE_MS = 4_000;
const SLOWEST_MS = 60_000;
const AGAIN_MS = 5_000;

/** Refusals make a query rarer: what is refused now is likely to be refused again. */
export function liveInterval(failures: number): number {
  return Math.min(LIVE_MS * 2 ** Math.min(failures, 10), SLOWEST_MS);
}

/** A server that does not answer is asked again until it does; what it has refused is not. */
export function asksAgain(error: unknown): boolean {
  return error instanceof Unreachable;
}

export const queries: QueryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // The browser's opinion of the network says nothing of a server on the same machine.
      networkMode: "always",
      refetchInterval: (query) => liveInterval(query.state.status === "error" ? query.state.errorUpdateCount : 0),
      retry: (_, error) => asksAgain(error),
      retryDelay: (attempt) => Math.min(1_000 * 2 ** attempt, AGAIN_MS),
      staleTime: 1_000,
    },
    mutations: { networkMode: "always" },
  },
  // Whatever was changed, what is shown may depend on it.
  mutationCache: new MutationCache({ onSettled: () => void queries.invalidateQueries() }),
});
