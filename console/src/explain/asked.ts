// The flow that an address asks about: `?instanceId=i-1&listenerId=listener-2`.

import { USUAL_FLOW, type ExplainFields } from "./explainFields";

/** Fields that links may fill in. */
const ASKED = ["instanceId", "sourceAddress", "sourcePort", "listenerId", "destinationAddress", "destinationPort", "protocol"] as const;

export type Asked = Partial<Record<(typeof ASKED)[number], string>>;

/** For the route: what else stands in the address is none of it. */
export function readAsked(search: Record<string, unknown>): Asked {
  const read = (name: string): string | undefined => {
    const value = search[name];
    // The router reads numbers where there are digits.
    return typeof value === "string" ? value : typeof value === "number" ? String(value) : undefined;
  };
  return Object.fromEntries(ASKED.flatMap((name) => (read(name) === undefined ? [] : [[name, read(name)]]))) as Asked;
}

/** The form as an address asks for it. */
export function initialFields({ protocol, ...asked }: Asked): ExplainFields {
  const known = (["Tcp", "Udp", "Icmp"] as const).find((word) => word === protocol);
  return {
    ...USUAL_FLOW,
    ...asked,
    ...(known === undefined ? {} : { protocol: known }),
    from: asked.instanceId === undefined ? "outside" : "instance",
    to: asked.destinationAddress === undefined ? "listener" : "address",
  };
}
