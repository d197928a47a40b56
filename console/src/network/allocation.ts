// What new elastic IPs are to be like.

import { address, integer, type Problem, type Problems, range } from "../form/problems";
import type { NetworkKey } from "./texts";

export interface AllocateFields {
  count: string;
  ipVersion: "4" | "6";
  bandwidthMbps: string;
  /** A certain one, if it is to be one alone. */
  address: string;
}

export const USUAL_ALLOCATION: AllocateFields = { count: "1", ipVersion: "4", bandwidthMbps: "10", address: "" };

/** Kept and shown, not enforced. */
export const BANDWIDTH = { least: 1, most: 200 } as const;
const MOST = 100;

/** One alone may have a certain address. */
export function isOne({ count }: Pick<AllocateFields, "count">): boolean {
  return integer(count) === 1;
}

function addressProblem(values: AllocateFields): Problem<NetworkKey> | undefined {
  const text = values.address.trim();
  if (!isOne(values) || text === "") return undefined;
  const isSix = text.includes(":");
  return address(text, "203.0.113.10") ?? (isSix === (values.ipVersion === "6") ? undefined : ["eip.family.other", { version: values.ipVersion }]);
}

export function checkAllocation(values: AllocateFields): Problems<AllocateFields, NetworkKey> {
  return {
    count: range(values.count, 1, MOST),
    bandwidthMbps: range(values.bandwidthMbps, BANDWIDTH.least, BANDWIDTH.most),
    address: addressProblem(values),
  };
}

export function allocationSpec(values: AllocateFields) {
  const text = values.address.trim();
  return {
    maxCount: integer(values.count) ?? 1,
    elasticIpSpec: { bandwidthMbps: integer(values.bandwidthMbps) },
    ipVersion: values.ipVersion === "6" ? (6 as const) : (4 as const),
    ...(isOne(values) && text !== "" ? { elasticIpAddress: text } : {}),
  };
}
