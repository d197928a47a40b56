// Addresses and the blocks that they are in.

import { isAddress } from "../form/problems";

/** The bits of an address, as a number; IPv4 has 32 of them, IPv6 128. */
function bits(address: string): { value: bigint; length: number } {
  if (!address.includes(":")) {
    return { value: address.split(".").reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n), length: 32 };
  }
  // An IPv4 tail counts as two groups.
  const plain = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a: string, b: string, c: string, d: string) =>
    [(Number(a) << 8) | Number(b), (Number(c) << 8) | Number(d)].map((group) => group.toString(16)).join(":"),
  );
  const [head = "", tail] = plain.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const after = tail === undefined ? [] : groups(tail);
  const before = groups(head);
  const between: string[] = Array(8 - before.length - after.length).fill("0");
  const value = [...before, ...between, ...after].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
  return { value, length: 128 };
}

/** The version of the Internet protocol that an address is of. */
export function versionOf(address: string): 4 | 6 {
  return address.includes(":") ? 6 : 4;
}

/** Whether an address lies in a block such as 10.0.1.0/24. */
export function isInBlock(address: string, block: string): boolean {
  const [start = "", prefix = ""] = block.split("/");
  if (!isAddress(address) || !isAddress(start)) return false;
  const one = bits(address);
  const other = bits(start);
  const rest = BigInt(other.length - Number(prefix));
  return one.length === other.length && one.value >> rest === other.value >> rest;
}
