import { expect, test } from "vitest";

import type { Instance } from "../compute/api";
import type { Listener, LoadBalancer } from "../load-balancers/api";
import type { FlowHop } from "./api";
import { initialFields, readAsked } from "./asked";
import { checkFlow, destination, explainBody, type ExplainFields, type Known, USUAL_FLOW } from "./explainFields";
import { ending, toneOf } from "./way";

const known: Known = {
  instances: [{ instanceId: "i-1", vpcId: "vpc-1", privateIpAddress: "10.0.0.3" } as Instance],
  listeners: [
    { listenerId: "listener-1", loadBalancerId: "lb-1", protocol: "Tcp", port: 80 },
    { listenerId: "listener-2", loadBalancerId: "lb-2", protocol: "Udp", port: 53 },
  ] as Listener[],
  balancers: [
    { loadBalancerId: "lb-1", privateIp: { privateIpAddress: "10.0.0.100", elasticIpAddress: "203.0.113.1" } },
    { loadBalancerId: "lb-2", privateIp: { privateIpAddress: "10.0.0.101" } },
  ] as LoadBalancer[],
};

function flow(values: Partial<ExplainFields>): ExplainFields {
  return { ...USUAL_FLOW, sourceAddress: "198.51.100.7", listenerId: "listener-1", ...values };
}

function wrong(values: Partial<ExplainFields>): string[] {
  const problems = checkFlow(flow(values), known);
  return Object.entries(problems).flatMap(([field, problem]) => (problem === undefined ? [] : [field]));
}

test("a listener is reached by the elastic IP from outside, and by the VIP from an instance", () => {
  expect(destination(flow({}), known)).toEqual({ address: "203.0.113.1", protocol: "Tcp", port: 80 });
  const inside = flow({ from: "instance", instanceId: "i-1" });
  expect(destination(inside, known)?.address).toBe("10.0.0.100");
  expect(explainBody(inside, known)).toEqual({
    vpcId: "vpc-1",
    sourceAddress: "10.0.0.3",
    sourcePort: 40_000,
    destinationAddress: "10.0.0.100",
    destinationPort: 80,
    protocol: "Tcp",
  });
  expect(wrong({ listenerId: "listener-2" })).toEqual(["listenerId"]);
  expect(wrong({ listenerId: "listener-2", from: "instance", instanceId: "i-1" })).toEqual([]);
});

test("a ping has no ports", () => {
  const ping = flow({ to: "address", protocol: "Icmp", destinationAddress: " 203.0.113.1 ", destinationPort: "", sourcePort: "" });
  expect(checkFlow(ping, known)).toEqual({});
  expect(explainBody(ping, known)).toEqual({ sourceAddress: "198.51.100.7", destinationAddress: "203.0.113.1", protocol: "Icmp" });
});

test("what lacks or cannot be is said at its field", () => {
  expect(wrong({})).toEqual([]);
  expect(wrong({ sourceAddress: "home", listenerId: "", sourcePort: "0" })).toEqual(["sourceAddress", "listenerId", "sourcePort"]);
  expect(wrong({ from: "instance", instanceId: "i-gone" })).toEqual(["instanceId"]);
  expect(wrong({ to: "address", destinationAddress: "", destinationPort: "x" })).toEqual(["destinationAddress", "destinationPort"]);
});

test("an address fills in what it knows and nothing else", () => {
  const asked = readAsked({ instanceId: "i-1", listenerId: "listener-2", sourcePort: 7, tab: "x", protocol: "Sctp" });
  expect(asked).toEqual({ instanceId: "i-1", listenerId: "listener-2", sourcePort: "7", protocol: "Sctp" });
  expect(initialFields(asked)).toMatchObject({ from: "instance", to: "listener", sourcePort: "7", protocol: "Tcp" });
  expect(initialFields({ destinationAddress: "10.0.0.1", protocol: "Udp" })).toMatchObject({ from: "outside", to: "address", protocol: "Udp" });
});

test("the end is told by what the last host does", () => {
  const hop = (fate: FlowHop["fate"], kind: FlowHop["kind"] = "Done") => ({ fate, kind, steps: [] }) as unknown as FlowHop;
  const end = (...hops: FlowHop[]) => ending({ hops });
  expect(ending({ hops: [hop("Sent"), hop("Delivered")], instanceId: "i-1" })).toMatchObject({ how: "delivered", tone: "success", instanceId: "i-1" });
  expect(end(hop("Sent"), hop("Ended", "Dropped"))).toMatchObject({ how: "dropped", tone: "error" });
  expect(end(hop("Answered", "Refused"))).toMatchObject({ how: "refused", tone: "warning" });
  expect(end(hop("Answered"))).toMatchObject({ how: "answered", tone: "success" });
  expect(end(hop("Ended"))).toMatchObject({ how: "passed", tone: "info" });
  expect(ending({ hops: [hop("Sent")], unknown: "gone" })).toEqual({ how: "unknown", tone: "warning", why: "gone" });
  expect(end()).toBeNull();
  expect(toneOf(hop("Sent"))).toBe("success");
});
