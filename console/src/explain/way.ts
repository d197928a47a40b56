// A flow's way: how it ends, and in which tone that is told.

import type { FlowExplanation, FlowHop } from "./api";

export type Tone = "success" | "info" | "warning" | "error";

/** How a host's part is told. */
export function toneOf({ kind, fate }: FlowHop): Tone {
  if (kind === "Dropped") return "error";
  if (kind === "Refused") return "warning";
  // The host keeps it for itself: nothing of the load balancer's.
  return fate === "Ended" ? "info" : "success";
}

export type Ending =
  | { how: "delivered"; tone: Tone; instanceId: string | null }
  | { how: "answered" | "left" | "passed" | "refused" | "dropped"; tone: Tone; hop: FlowHop }
  | { how: "unknown"; tone: Tone; why: string };

/** What becomes of the flow in the end; null: nobody has said anything. */
export function ending({ hops, instanceId, unknown }: FlowExplanation): Ending | null {
  const last = hops.at(-1);
  if (unknown !== undefined) return { how: "unknown", tone: "warning", why: unknown };
  if (last === undefined) return null;
  const tone = toneOf(last);
  if (last.kind === "Dropped") return { how: "dropped", tone, hop: last };
  if (last.kind === "Refused") return { how: "refused", tone, hop: last };
  switch (last.fate) {
    case "Delivered":
      return { how: "delivered", tone, instanceId: instanceId ?? null };
    case "Answered":
      return { how: "answered", tone, hop: last };
    case "Left":
      return { how: "left", tone, hop: last };
    case "Ended":
      return { how: "passed", tone, hop: last };
    case "Sent":
      // Whoever sends it on is followed by another host, or by a reason.
      return null;
  }
}

/** Kinds of steps that have a text of their own. */
export const STEPS = [
  "address",
  "answer",
  "asked-next",
  "counted",
  "flow",
  "generations",
  "host",
  "instance",
  "interface",
  "member",
  "network-acl-in",
  "network-acl-out",
  "packet",
  "program",
  "record",
  "rewritten",
  "route",
  "row",
  "security-groups-in",
  "security-groups-out",
  "service",
  "target",
  "verdict",
] as const;

export function knownStep(code: string): (typeof STEPS)[number] | null {
  return STEPS.find((step) => step === code) ?? null;
}

const PROGRAMS = ["edge", "from_instance", "from_overlay"] as const;

export function knownProgram(program: string): (typeof PROGRAMS)[number] | null {
  return PROGRAMS.find((known) => known === program) ?? null;
}
