// What the address of a page names.

import { useParams } from "@tanstack/react-router";

export function useParameter(name: string): string {
  const found: Record<string, string | undefined> = useParams({ strict: false });
  return found[name] ?? "";
}
