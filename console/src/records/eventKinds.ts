// What happens by itself, and whether that is good news.

export type Tone = "success" | "error" | "info" | "pending" | "stopped";

const TONES = {
  HostJoined: "info",
  HostUp: "success",
  HostDown: "error",
  InstancePending: "pending",
  InstanceRunning: "success",
  InstanceStopped: "stopped",
  InstanceFailed: "error",
  TargetHealthy: "success",
  TargetUnhealthy: "error",
  DrainBegun: "info",
  DrainOver: "info",
} as const satisfies Record<string, Tone>;

export type EventKind = keyof typeof TONES;

export const EVENT_KINDS = Object.keys(TONES) as readonly EventKind[];

/** None: a kind that a later server has. */
export function known(kind: string): EventKind | null {
  return EVENT_KINDS.find((one) => one === kind) ?? null;
}

export function toneOf(kind: EventKind): Tone {
  return TONES[kind];
}
