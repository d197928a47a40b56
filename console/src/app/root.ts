// The route that all pages are below.

import { createRootRoute } from "@tanstack/react-router";

import { Shell } from "./Shell";

export const root = createRootRoute({
  component: Shell,
  // Which tab of a page is open.
  validateSearch: ({ tab }: Record<string, unknown>): { tab?: string } => (typeof tab === "string" ? { tab } : {}),
});
