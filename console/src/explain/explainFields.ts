// The fields of the question where a flow would go.

import type { Instance } from "../compute/api";
import { address, chosen, integer, type Problem, type Problems, range } from "../form/problems";
import type { Listener, LoadBalancer } from "../load-balancers/api";
import type { ExplainFlow } from "./api";
import type { ExplainKey } from "./texts";

export interface ExplainFields {
  from: "outside" | "instance";
  sourceAddress: string;
  instanceId: string;
  to: "listener" | "address";
  listenerId: string;
  destinationAddress: string;
  protocol: "Tcp" | "Udp" | "Icmp";
  destinationPort: string;
  sourcePort: string;
}

export const USUAL_FLOW: ExplainFields = {
  from: "outside",
  sourceAddress: "",
  instanceId: "",
  to: "listener",
  listenerId: "",
  destinationAddress: "",
  protocol: "Tcp",
  destinationPort: "80",
  sourcePort: "40000",
};

export const EXPLAIN_NAMES: Record<keyof ExplainFields, readonly string[]> = {
  from: [],
  sourceAddress: ["sourceAddress"],
  instanceId: ["vpcId"],
  to: [],
  listenerId: [],
  destinationAddress: ["destinationAddress"],
  protocol: ["protocol"],
  destinationPort: ["destinationPort"],
  sourcePort: ["sourcePort"],
};

/** What there is to choose from. */
export interface Known {
  instances: readonly Instance[];
  listeners: readonly Listener[];
  balancers: readonly LoadBalancer[];
}

export interface Destination {
  address: string;
  protocol: ExplainFields["protocol"];
  /** None: of a ping. */
  port: number | null;
}

/** Where the flow goes: to a listener by the address that its sender can reach; null: there is none yet. */
export function destination(values: ExplainFields, { listeners, balancers }: Known): Destination | null {
  if (values.to === "address") {
    const port = values.protocol === "Icmp" ? null : integer(values.destinationPort);
    return { address: values.destinationAddress.trim(), protocol: values.protocol, port };
  }
  const listener = listeners.find(({ listenerId }) => listenerId === values.listenerId);
  const balancer = balancers.find(({ loadBalancerId }) => loadBalancerId === listener?.loadBalancerId);
  if (listener === undefined || balancer === undefined) return null;
  const { privateIpAddress, elasticIpAddress } = balancer.privateIp;
  const reached = values.from === "outside" ? elasticIpAddress : privateIpAddress;
  return reached === undefined || reached === "" ? null : { address: reached, protocol: listener.protocol, port: listener.port };
}

function listenerProblem(values: ExplainFields, known: Known): Problem<ExplainKey> | undefined {
  const isThere = known.listeners.some(({ listenerId }) => listenerId === values.listenerId);
  if (!isThere) return chosen("");
  return destination(values, known) === null ? ["explain.to.private"] : undefined;
}

export function checkFlow(values: ExplainFields, known: Known): Problems<ExplainFields, ExplainKey> {
  const byHand = values.to === "address";
  const isPing = byHand && values.protocol === "Icmp";
  const isThere = known.instances.some(({ instanceId }) => instanceId === values.instanceId);
  return {
    sourceAddress: values.from === "outside" ? address(values.sourceAddress, "198.51.100.10") : undefined,
    instanceId: values.from === "instance" && !isThere ? chosen("") : undefined,
    listenerId: byHand ? undefined : listenerProblem(values, known),
    destinationAddress: byHand ? address(values.destinationAddress) : undefined,
    destinationPort: byHand && !isPing ? range(values.destinationPort, 1, 65_535) : undefined,
    sourcePort: isPing ? undefined : range(values.sourcePort, 1, 65_535),
  };
}

/** The request; only of fields that have no problem. */
export function explainBody(values: ExplainFields, known: Known): ExplainFlow {
  const to = destination(values, known) ?? { address: "", protocol: values.protocol, port: null };
  const instance = values.from === "instance" ? known.instances.find(({ instanceId }) => instanceId === values.instanceId) : undefined;
  return {
    sourceAddress: instance?.privateIpAddress ?? values.sourceAddress.trim(),
    destinationAddress: to.address,
    protocol: to.protocol,
    ...(instance === undefined ? {} : { vpcId: instance.vpcId }),
    ...(to.port === null ? {} : { destinationPort: to.port, sourcePort: integer(values.sourcePort) ?? 0 }),
  };
}
