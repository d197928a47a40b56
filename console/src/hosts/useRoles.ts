// What a host is for.

import { useTexts } from "../texts/texts";
import type { Host } from "./api";
import { hostTexts } from "./texts";

export function useRoles(): (host: Pick<Host, "compute" | "edge">) => string {
  const say = useTexts(hostTexts);
  return ({ compute, edge }) => {
    if (compute && edge) return say("host.role.both");
    return say(compute ? "host.role.compute" : edge ? "host.role.edge" : "host.role.none");
  };
}
