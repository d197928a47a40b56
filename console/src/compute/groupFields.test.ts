import { expect, test } from "vitest";

import { checkGroup, checkSize, groupSpec, isWithin, USUAL_GROUP } from "./groupFields";

const ZONES = ["a", "b"];
const WEB = { ...USUAL_GROUP, agName: "web", templateId: "it-1" };

test("a group is in all zones but those that are not wanted", () => {
  expect(groupSpec(WEB, ZONES)).toEqual({ agName: "web", description: "", instanceTemplateId: "it-1", azs: ZONES });
  expect(groupSpec({ ...WEB, without: ["a"] }, ZONES).azs).toEqual(["b"]);
});

test("a group is somewhere", () => {
  expect(checkGroup({ ...WEB, without: ["a"] }, ZONES).without).toBeUndefined();
  expect(checkGroup({ ...WEB, without: ZONES }, ZONES).without).toEqual(["ag.azs.needed"]);
});

test.each([
  ["0", undefined],
  ["100", undefined],
  ["101", "problem.range"],
  ["", "problem.required"],
])("%s first instances", (count, problem) => expect(checkGroup({ ...WEB, count }, ZONES).count?.[0]).toBe(problem));

test.each([
  ["3", undefined],
  ["2", "ag.size.same"],
  ["-1", "problem.range"],
  ["many", "problem.range"],
])("from 2 to %s instances", (count, problem) => expect(checkSize(count, 2)?.[0]).toBe(problem));

test("a template fits a load balancer by its VPC and by the family of its subnet", () => {
  const subnets = [
    { subnetId: "four", addressPrefix: "10.0.0.0/24" },
    { subnetId: "six", addressPrefix: "fd00::/64" },
  ];
  const template = (vpcId: string, subnetId: string) => ({
    instanceTemplateData: {
      vpcId,
      imageId: "img-web",
      instanceType: "g.n2.medium",
      includePassword: false as const,
      keyNames: [],
      metadata: [],
      userdata: [],
      primaryNetworkInterface: { deviceIndex: 0 as const, autoDelete: true as const, networkInterface: { subnetId, securityGroups: [] } },
    },
  });
  expect(isWithin(template("vpc-1", "four"), { vpcId: "vpc-1", ipVersion: 4 }, subnets)).toBe(true);
  expect(isWithin(template("vpc-1", "six"), { vpcId: "vpc-1", ipVersion: 4 }, subnets)).toBe(false);
  expect(isWithin(template("vpc-1", "six"), { vpcId: "vpc-1", ipVersion: 6 }, subnets)).toBe(true);
  expect(isWithin(template("vpc-2", "four"), { vpcId: "vpc-1", ipVersion: 4 }, subnets)).toBe(false);
  expect(isWithin(template("vpc-1", "gone"), { vpcId: "vpc-1", ipVersion: 4 }, subnets)).toBe(false);
});
