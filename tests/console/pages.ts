// Every page that the console has, from its sources: so no page is left out for having been forgotten.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const SOURCES = join(import.meta.dirname, "../../console/src");

/** Patterns of addresses below the console, such as `load-balancers/$loadBalancerId`. */
export function patterns(): string[] {
  const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter((name) => /\.tsx?$/.test(name));
  const found = files.flatMap((name) => {
    const text = readFileSync(join(SOURCES, name), "utf8");
    const routes = [...text.matchAll(/createRoute\(\{/g)].length;
    const paths = [...text.matchAll(/^\s*path: "\/([^"]*)",$/gm)].map(([, path]) => path ?? "");
    if (routes !== paths.length) throw new Error(`${name} has ${routes} routes, and ${paths.length} of their addresses can be read`);
    return paths;
  });
  return found.sort();
}

/** Whether a page is of what only a region with hosts has: those are looked at in the lab. */
export function needsHosts(pattern: string): boolean {
  return /\$(hostId|instanceId)\b/.test(pattern);
}

/** An address of a pattern: with the ids of what there is. */
export function address(pattern: string, ids: Record<string, string>): string {
  return pattern.replace(/\$(\w+)/g, (_, name: string) => {
    const id = ids[name];
    if (id === undefined) throw new Error(`nothing that the address ${pattern} could lead to: make something and name its id \`${name}\``);
    return id;
  });
}
