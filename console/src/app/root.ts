// The route that all pages are below.

import { createRootRoute } from "@tanstack/react-router";

import { Shell } from "./Shell";

export const root = createRootRoute({
  component: Shell,
  // Which tab of a page is open, and of which time its charts are.
  validateSearch: ({ tab, range }: Record<string, unknown>): { tab?: string; range?: string } => ({
    ...(typeof tab === "string" ? { tab } : {}),
    ...(typeof range === "string" ? { range } : {}),
  }),
});
