// What a picture of a load balancer shows: boxes, and flows from one to the next.

import { withPort } from "../address";
import type { ListenerStatus, TargetHealth } from "../api";
import { countOfTargets, summary } from "../health";

export type Tone = "success" | "warning" | "error" | "off";

/** What goes by in a second, and how many flows there are. */
export interface Rates {
  connections: number;
  flows: number;
  bytes: number;
}

export interface Place {
  name: string;
  az: string;
  rack: string;
}

export type Kind = "balancer" | "listener" | "backend" | "target" | "rack";

export interface Box {
  id: string;
  kind: Kind;
  title: string;
  /** Where it is reached: an address, a port. */
  at: string;
  tone: Tone;
  /** Of those that have targets. */
  healthy?: number;
  total?: number;
  backendId?: string;
  instanceId?: string;
  listenerId?: string;
}

export interface Flow {
  from: string;
  to: string;
  /** Null: not known. */
  rates: Rates | null;
}

/** Boxes that stand in the same rack. */
export interface Rack {
  az: string;
  rack: string;
  boxes: readonly Box[];
}

export interface Graph {
  balancer: Box;
  listeners: readonly Box[];
  backends: readonly Box[];
  racks: readonly Rack[];
  flows: readonly Flow[];
}

export interface Parts {
  balancer: { id: string; name: string; vip: string; isOn: boolean };
  listeners: readonly ListenerStatus[];
  backends: readonly { backendId: string; backendName: string; protocol: string; port: number }[];
  /** By backend service. */
  targets: ReadonlyMap<string, readonly TargetHealth[]>;
  /** By instance. */
  places: ReadonlyMap<string, Place>;
  /** By listener, or by backend service and instance. */
  rates: ReadonlyMap<string, Rates>;
}

/** With more of them, those of a rack are one box. */
export const MOST_TARGETS = 24;

export const BALANCER = "balancer";

export function targetKey(backendId: string, instanceId: string): string {
  return `${backendId}/${instanceId}`;
}

const TARGET_TONES = { healthy: "success", unhealthy: "error", "N/A": "success" } as const satisfies Record<TargetHealth["status"], Tone>;

function toneOfCount({ healthy, total }: { healthy: number; total: number }): Tone {
  return total === 0 ? "off" : summary(healthy, total);
}

export function graphOf(parts: Parts): Graph {
  const { balancer, listeners, backends, rates } = parts;
  const flows: Flow[] = [];
  const targetsOf = (backendId: string) => parts.targets.get(backendId) ?? [];

  const listenerBoxes = listeners.map((it): Box => {
    const own = rates.get(it.listenerId) ?? null;
    flows.push({ from: BALANCER, to: it.listenerId, rates: own }, { from: it.listenerId, to: it.backendId, rates: own });
    const tone = it.status === "Off" ? "off" : toneOfCount({ healthy: it.healthyTargets, total: it.totalTargets });
    return { id: it.listenerId, listenerId: it.listenerId, kind: "listener", title: it.listenerName, at: `${it.protocol.toUpperCase()}:${it.port}`, tone };
  });

  const backendBoxes = backends.map((it): Box => {
    const count = countOfTargets(targetsOf(it.backendId));
    const { backendId } = it;
    return { id: backendId, backendId, kind: "backend", title: it.backendName, at: `${it.protocol.toUpperCase()}:${it.port}`, tone: toneOfCount(count), ...count };
  });

  const all = backends.flatMap(({ backendId }) => targetsOf(backendId).map((it) => ({ backendId, it, place: parts.places.get(it.instanceId) })));
  const isCrowded = all.length > MOST_TARGETS;
  const racks = new Map<string, { az: string; rack: string; boxes: Box[] }>();
  const crowds = new Map<string, { box: Box & { healthy: number; total: number }; flow: Flow }>();
  for (const { backendId, it, place } of all) {
    const az = place?.az ?? "";
    const rack = place?.rack ?? "";
    const where = JSON.stringify([az, rack]);
    const group = racks.get(where) ?? { az, rack, boxes: [] };
    racks.set(where, group);
    const key = targetKey(backendId, it.instanceId);
    const own = rates.get(key) ?? null;
    if (!isCrowded) {
      group.boxes.push({
        id: key,
        backendId,
        instanceId: it.instanceId,
        kind: "target",
        title: place?.name ?? it.instanceId,
        at: withPort(it.ipAddress, it.port),
        tone: TARGET_TONES[it.status],
      });
      flows.push({ from: backendId, to: key, rates: own });
      continue;
    }
    const id = targetKey(backendId, where);
    let crowd = crowds.get(id);
    if (crowd === undefined) {
      const title = backends.find((one) => one.backendId === backendId)?.backendName ?? backendId;
      const box = { id, backendId, kind: "rack" as const, title, at: "", tone: "off" as Tone, healthy: 0, total: 0 };
      crowd = { box, flow: { from: backendId, to: id, rates: own } };
      crowds.set(id, crowd);
      group.boxes.push(box);
      flows.push(crowd.flow);
    } else {
      crowd.flow.rates = sum(crowd.flow.rates, own);
    }
    crowd.box.total += 1;
    if (it.status !== "unhealthy") crowd.box.healthy += 1;
    crowd.box.tone = toneOfCount(crowd.box);
  }

  const balancerTone = balancer.isOn ? worst(listenerBoxes.map(({ tone }) => tone)) : "off";
  return {
    balancer: { id: BALANCER, kind: "balancer", title: balancer.name, at: balancer.vip, tone: balancerTone },
    listeners: listenerBoxes,
    backends: backendBoxes,
    racks: [...racks.values()].sort((one, other) => one.az.localeCompare(other.az) || one.rack.localeCompare(other.rack)),
    flows,
  };
}

/** Only what is known of all is known of them together. */
function sum(one: Rates | null, other: Rates | null): Rates | null {
  if (one === null || other === null) return null;
  return { connections: one.connections + other.connections, flows: one.flows + other.flows, bytes: one.bytes + other.bytes };
}

function worst(tones: readonly Tone[]): Tone {
  const order: readonly Tone[] = ["error", "warning", "success"];
  return order.find((tone) => tones.includes(tone)) ?? "off";
}

export function boxesOf(graph: Graph): Box[] {
  return [graph.balancer, ...graph.listeners, ...graph.backends, ...graph.racks.flatMap(({ boxes }) => boxes)];
}
