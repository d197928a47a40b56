import { expect, test } from "vitest";

import type { Subnet, Vpc } from "./api";
import { anyBlock, blockOfSubnet, rangeOfFour, rangeOfSix, suggestedBlock } from "./blocks";

function vpc(addressPrefix: string, ipv6AddressPrefix?: string): Vpc {
  const rest = { aclIds: [], az: "", azType: "standard", createdTime: "", description: "", routeTableIds: [], subnets: [], vpcId: "vpc-1", vpcName: "shop" } as const;
  return { ...rest, aclIds: [], routeTableIds: [], subnets: [], addressPrefix, ...(ipv6AddressPrefix === undefined ? {} : { ipv6AddressPrefix }) };
}

function subnet(subnetName: string, addressPrefix: string): Subnet {
  return {
    addressPrefix,
    availableIpCount: 1,
    az: "",
    createdTime: "",
    description: "",
    endIp: "",
    ipMaskLen: 0,
    startIp: "",
    subnetId: `subnet-${subnetName}`,
    subnetName,
    subnetType: "standard",
    vpcId: "vpc-1",
  };
}

test("what is no block, or not its first address, is said with what would be right", () => {
  expect(anyBlock("")).toEqual(["problem.required"]);
  expect(anyBlock("10.0.1")).toEqual(["problem.block", { example: "10.0.1.0/24" }]);
  expect(anyBlock("10.0.1.7/24")).toEqual(["block.hostBits", { block: "10.0.1.0/24" }]);
  expect(anyBlock(" 0.0.0.0/0 ")).toBeUndefined();
  expect(anyBlock("fd00:0:0:1::/64")).toBeUndefined();
});

test.each([
  ["", undefined],
  ["10.0.0.0/16", undefined],
  ["172.31.0.0/28", undefined],
  ["10.0.0.0/15", "block.mask"],
  ["10.0.0.0/29", "block.mask"],
  ["172.32.0.0/16", "block.private"],
  ["fd00::/48", "problem.block"],
])("%s as a VPC's range of IPv4: %s", (text, problem) => expect(rangeOfFour(text)?.[0]).toBe(problem));

test.each([
  ["", undefined],
  ["fd00::/48", undefined],
  ["fd00::/47", "block.mask"],
  ["2001:db8::/48", "block.private"],
  ["10.0.0.0/16", "problem.block"],
])("%s as a VPC's range of IPv6: %s", (text, problem) => expect(rangeOfSix(text)?.[0]).toBe(problem));

test("a subnet is inside its VPC and apart from its siblings", () => {
  const shop = vpc("10.0.0.0/16", "fd00::/56");
  const web = subnet("web", "10.0.1.0/24");
  expect(blockOfSubnet("10.0.2.0/24", shop, [web])).toBeUndefined();
  expect(blockOfSubnet("fd00::/64", shop, [web])).toBeUndefined();
  expect(blockOfSubnet("fd00::/60", shop, [web])).toEqual(["block.mask", { least: 64, most: 112 }]);
  expect(blockOfSubnet("10.1.0.0/24", shop, [web])).toEqual(["block.outside", { ranges: "10.0.0.0/16, fd00::/56" }]);
  expect(blockOfSubnet("10.0.1.128/25", shop, [web])).toEqual(["block.overlaps", { name: "web", block: "10.0.1.0/24" }]);
  expect(blockOfSubnet("192.168.0.0/24", vpc(""), [web])).toBeUndefined();
  expect(blockOfSubnet("10.9.0.0/24", undefined, [])).toBeUndefined();
});

test("what is suggested for a subnet is free", () => {
  const web = subnet("web", "10.0.0.0/24");
  expect(suggestedBlock(vpc("10.0.0.0/16"), [web])).toBe("10.0.1.0/24");
  expect(suggestedBlock(vpc("10.0.0.0/24", "fd00::/56"), [web])).toBe("fd00::/64");
  expect(suggestedBlock(vpc("10.0.0.0/24"), [web])).toBe("");
  expect(suggestedBlock(vpc(""), [web])).toBe("10.0.1.0/24");
  expect(suggestedBlock(undefined, [])).toBe("");
});
