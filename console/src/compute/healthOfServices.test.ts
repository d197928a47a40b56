import { expect, test } from "vitest";

import { healthOf, worstOf } from "./healthOfServices";

function service(healthyTargets: number, totalTargets: number) {
  const listener = {
    listenerId: "l",
    listenerName: "l",
    port: 80,
    protocol: "Tcp",
    status: "On",
    backendId: "b",
    backendName: "b",
    backendPort: 80,
    healthyTargets,
    totalTargets,
  } as const;
  return { listeners: [listener, { ...listener, listenerId: "l2", port: 81 }] };
}

test("listeners that share a service count its targets once", () => expect(healthOf(service(2, 3))).toEqual({ healthy: 2, total: 3 }));

test("a service without listeners says nothing of its targets", () => expect(healthOf({ listeners: [] })).toBeNull());

test("a group is as healthy as the service says that sees least", () => {
  expect(worstOf([service(3, 3), { listeners: [] }, service(1, 3)])).toEqual({ healthy: 1, total: 3 });
  expect(worstOf([{ listeners: [] }])).toBeNull();
  expect(worstOf([])).toBeNull();
});
