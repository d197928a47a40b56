import { expect, test } from "vitest";

import type { ListenerStatus, TargetHealth } from "../api";
import { BALANCER, boxesOf, graphOf, type Parts, type Rates, targetKey } from "./graph";
import { BOX, fitting, layoutOf } from "./layout";

function listener(id: string, backendId: string, more: Partial<ListenerStatus> = {}): ListenerStatus {
  return { listenerId: id, listenerName: id, port: 80, protocol: "Tcp", status: "On", backendId, backendName: backendId, backendPort: 8080, healthyTargets: 1, totalTargets: 2, ...more };
}

function target(instanceId: string, status: TargetHealth["status"] = "healthy"): TargetHealth {
  return { instanceId, status, ipAddress: "10.0.0.3", port: 8080, weight: 10, type: "vm" } as TargetHealth;
}

const rates = (connections: number): Rates => ({ connections, flows: 10 * connections, bytes: 100 });

function parts(more: Partial<Parts> = {}): Parts {
  return {
    balancer: { id: "lb", name: "shop", vip: "10.0.0.2", isOn: true },
    listeners: [listener("web", "b"), listener("tls", "b")],
    backends: [
      { backendId: "b", backendName: "servers", protocol: "Tcp", port: 8080 },
      { backendId: "spare", backendName: "spare", protocol: "Tcp", port: 8080 },
    ],
    targets: new Map([["b", [target("i-1"), target("i-2", "unhealthy"), target("i-3", "N/A")]]]),
    places: new Map([
      ["i-1", { name: "one", az: "z-b", rack: "r1" }],
      ["i-2", { name: "two", az: "z-a", rack: "r2" }],
      ["i-3", { name: "three", az: "z-a", rack: "r1" }],
    ]),
    rates: new Map([
      ["web", rates(8)],
      [targetKey("b", "i-1"), rates(2)],
    ]),
    ...more,
  };
}

test("a box for each, in the order of zones and racks, and flows between those that forward to one another", () => {
  const graph = graphOf(parts());
  expect(boxesOf(graph).map(({ id }) => id)).toEqual([BALANCER, "web", "tls", "b", "spare", "b/i-3", "b/i-2", "b/i-1"]);
  expect(graph.flows.map(({ from, to, rates: known }) => [from, to, known?.connections])).toEqual([
    [BALANCER, "web", 8],
    ["web", "b", 8],
    [BALANCER, "tls", undefined],
    ["tls", "b", undefined],
    ["b", "b/i-1", 2],
    ["b", "b/i-2", undefined],
    ["b", "b/i-3", undefined],
  ]);
});

test("colours say what is well: what has no targets is off, what has unhealthy ones warns", () => {
  const tones = Object.fromEntries(boxesOf(graphOf(parts({ listeners: [listener("web", "b"), listener("off", "b", { status: "Off" })] }))).map(({ id, tone }) => [id, tone]));
  expect(tones).toEqual({ [BALANCER]: "warning", web: "warning", off: "off", b: "warning", spare: "off", "b/i-1": "success", "b/i-2": "error", "b/i-3": "success" });
  expect(graphOf(parts({ balancer: { id: "lb", name: "shop", vip: "", isOn: false } })).balancer.tone).toBe("off");
});

test("many targets are a box a rack, whose flow is known when all of theirs are", () => {
  const many = Array.from({ length: 30 }, (_, number) => target(`i-${number}`, number === 0 ? "unhealthy" : "healthy"));
  const places = new Map(many.map((one, number) => [one.instanceId, { name: one.instanceId, az: "z", rack: `r${number % 2}` }]));
  // Those of the odd rack are known, and all of the other but one.
  const known = new Map(many.slice(1).map((one) => [targetKey("b", one.instanceId), rates(1)]));
  const graph = graphOf(parts({ targets: new Map([["b", many]]), places, rates: known }));
  expect(graph.racks.map(({ rack, boxes }) => [rack, boxes.map(({ healthy, total, tone }) => [healthy, total, tone])])).toEqual([
    ["r0", [[14, 15, "warning"]]],
    ["r1", [[15, 15, "success"]]],
  ]);
  expect(graph.flows.filter(({ from }) => from === "b").map((flow) => flow.rates?.connections ?? null)).toEqual([null, 15]);
});

test("nothing lies on something else, and everything is inside", () => {
  const { boxes, racks, width, height } = layoutOf(graphOf(parts()), "connections");
  for (const [number, one] of boxes.entries()) {
    expect(one.x).toBeGreaterThanOrEqual(0);
    expect(one.y).toBeGreaterThanOrEqual(0);
    expect(one.x + BOX.width).toBeLessThanOrEqual(width);
    expect(one.y + BOX.height).toBeLessThanOrEqual(height);
    for (const other of boxes.slice(number + 1)) {
      expect(Math.abs(one.x - other.x) >= BOX.width || Math.abs(one.y - other.y) >= BOX.height, `${one.box.id} ${other.box.id}`).toBe(true);
    }
  }
  for (const [number, one] of racks.entries()) {
    expect(one.y + one.height).toBeLessThanOrEqual(racks[number + 1]?.y ?? height);
  }
});

test("flows are as wide as what they carry, and the one that carries most is the widest", () => {
  const { flows } = layoutOf(graphOf(parts()), "connections");
  const widths = Object.fromEntries(flows.map(({ flow, width }) => [`${flow.from}>${flow.to}`, width]));
  expect(widths["web>b"]).toBe(14);
  expect(widths["b>b/i-1"]).toBeCloseTo(1.5 + 12.5 / 4);
  expect(widths["tls>b"]).toBe(1.5);
  expect(layoutOf(graphOf(parts({ rates: new Map() })), "bytes").flows.every(({ width }) => width === 1.5)).toBe(true);
});

test("flows that come to a box do not cross", () => {
  const { flows } = layoutOf(graphOf(parts()), "connections");
  const end = (from: string) => Number(/,([\d.]+)$/.exec(flows.find(({ flow }) => flow.from === from && flow.to === "b")?.path ?? "")?.[1]);
  expect(end("web")).toBeLessThan(end("tls"));
});

test("an empty load balancer is a box", () => {
  const layout = layoutOf(graphOf(parts({ listeners: [], backends: [], targets: new Map() })), "flows");
  expect(layout.boxes).toHaveLength(1);
  expect(layout.height).toBeGreaterThan(BOX.height);
});

test.each([
  ["short", 8, "short"],
  ["exactly8", 8, "exactly8"],
  ["too-long-by-far", 8, "too-lon…"],
  ["网络服务器", 8, "网络服…"],
])("`%s` in %i", (text, most, fits) => expect(fitting(text, most)).toBe(fits));
