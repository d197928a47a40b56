import { expect, test } from "vitest";

import type { InstanceTemplate } from "./api";
import { checkTemplate, createSpec, fieldsOf, following, updateSpec, USUAL_TEMPLATE } from "./templateFields";

const WEB: InstanceTemplate = {
  id: "it-1",
  name: "web",
  description: "serves",
  createdTime: "2026-11-26T16:00:00Z",
  ags: [],
  instanceTemplateData: {
    imageId: "img-web",
    instanceType: "g.n2.large",
    includePassword: false,
    vpcId: "vpc-1",
    keyNames: [],
    metadata: [{ key: "role", value: "web" }],
    userdata: [{ key: "launch-script", value: btoa("#!/bin/sh\n") }],
    primaryNetworkInterface: { deviceIndex: 0, autoDelete: true, networkInterface: { subnetId: "subnet-1", securityGroups: ["sg-1", "sg-2"] } },
  },
};

test("a template is made as it would be shown", () => {
  const { name, description, instanceTemplateData } = createSpec(fieldsOf(WEB));
  expect({ name, description }).toEqual({ name: "web", description: "serves" });
  expect(instanceTemplateData).toEqual({
    imageId: "img-web",
    instanceType: "g.n2.large",
    primaryNetworkInterface: { networkInterface: { subnetId: "subnet-1", securityGroups: ["sg-1", "sg-2"] } },
    metadata: WEB.instanceTemplateData.metadata,
    userdata: WEB.instanceTemplateData.userdata,
  });
});

test("a change sends what was typed alone", () => {
  expect(updateSpec({ name: "shop" })).toEqual({ name: "shop" });
  expect(updateSpec({ securityGroupIds: [] })).toEqual({
    instanceTemplateData: { primaryNetworkInterface: { networkInterface: { securityGroups: [] } } },
  });
  expect(updateSpec({ description: "", script: "" })).toEqual({ description: "", instanceTemplateData: { userdata: [] } });
});

test("another VPC has other subnets and security groups", () => {
  expect(following("vpcId", "vpc-2")).toEqual({ vpcId: "vpc-2", subnetId: "", securityGroupIds: [] });
  expect(following("subnetId", "subnet-2")).toEqual({ subnetId: "subnet-2" });
});

test("what is missing is said, the subnet once there is something to choose from", () => {
  const wrong = (values: Partial<typeof USUAL_TEMPLATE>) =>
    Object.entries(checkTemplate({ ...USUAL_TEMPLATE, ...values })).flatMap(([field, problem]) => (problem === undefined ? [] : [field]));
  expect(wrong({})).toEqual(["name", "vpcId"]);
  expect(wrong({ name: "web", vpcId: "vpc-1" })).toEqual(["subnetId"]);
  expect(wrong({ name: "web", vpcId: "vpc-1", subnetId: "subnet-1", securityGroupIds: ["1", "2", "3", "4", "5", "6"] })).toEqual(["securityGroupIds"]);
});
