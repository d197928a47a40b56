// The fields of an instance template, and what they become in the API.

import { chosen, description, name, type Problems } from "../form/problems";
import type { InstanceTemplate, TemplateData } from "./api";
import { checkStart, START_NAMES, type StartFields, startFieldsOf, startSpec } from "./startFields";
import type { ComputeKey } from "./texts";

export interface TemplateFields extends StartFields {
  name: string;
  description: string;
  imageId: string;
  instanceType: string;
  /** Says which subnets and security groups there are to choose from; the API takes it from the subnet. */
  vpcId: string;
  subnetId: string;
  securityGroupIds: readonly string[];
}

/** As the command line has it. */
export const USUAL_TEMPLATE: TemplateFields = {
  name: "",
  description: "",
  imageId: "img-web",
  instanceType: "g.n2.medium",
  vpcId: "",
  subnetId: "",
  securityGroupIds: [],
  script: "",
  metadata: [],
};

/** As many as an instance has at most. */
const MOST_GROUPS = 5;

/** By the words with which the API's sentences about them begin. */
export const TEMPLATE_NAMES: Record<keyof TemplateFields, readonly string[]> = {
  ...START_NAMES,
  name: ["name"],
  description: ["description"],
  imageId: ["imageId", "image"],
  instanceType: ["instanceType", "instance"],
  vpcId: [],
  subnetId: ["subnetId", "subnet", "availability"],
  securityGroupIds: ["securityGroups", "security"],
};

export function checkTemplate(values: TemplateFields): Problems<TemplateFields, ComputeKey> {
  return {
    ...checkStart(values),
    name: name(values.name),
    description: description(values.description),
    imageId: chosen(values.imageId),
    instanceType: chosen(values.instanceType),
    vpcId: chosen(values.vpcId),
    subnetId: values.vpcId === "" ? undefined : chosen(values.subnetId),
    securityGroupIds: values.securityGroupIds.length > MOST_GROUPS ? ["template.groups.many", { most: MOST_GROUPS }] : undefined,
  };
}

/** All that changes when one field does: subnets and security groups are of one VPC. */
export function following<Field extends keyof TemplateFields>(field: Field, value: TemplateFields[Field]): Partial<TemplateFields> {
  const change = { [field]: value } as Partial<TemplateFields>;
  return field === "vpcId" ? { ...change, subnetId: "", securityGroupIds: [] } : change;
}

function dataSpec({ imageId, instanceType, subnetId, securityGroupIds, ...rest }: Partial<TemplateFields>): TemplateData {
  const networkInterface = {
    ...(subnetId === undefined ? {} : { subnetId }),
    ...(securityGroupIds === undefined ? {} : { securityGroups: [...securityGroupIds] }),
  };
  return {
    ...(imageId === undefined ? {} : { imageId }),
    ...(instanceType === undefined ? {} : { instanceType }),
    ...(Object.keys(networkInterface).length === 0 ? {} : { primaryNetworkInterface: { networkInterface } }),
    ...startSpec(rest),
  };
}

export function createSpec(values: TemplateFields): { name: string; description: string; instanceTemplateData: TemplateData } {
  return { name: values.name, description: values.description, instanceTemplateData: dataSpec(values) };
}

/** Of a change what was typed alone. */
export function updateSpec(typed: Partial<TemplateFields>): { name?: string; description?: string; instanceTemplateData?: TemplateData } {
  const instanceTemplateData = dataSpec(typed);
  return {
    ...(typed.name === undefined ? {} : { name: typed.name }),
    ...(typed.description === undefined ? {} : { description: typed.description }),
    ...(Object.keys(instanceTemplateData).length === 0 ? {} : { instanceTemplateData }),
  };
}

export function fieldsOf({ name: called, description: text, instanceTemplateData: data }: InstanceTemplate): TemplateFields {
  const { subnetId, securityGroups } = data.primaryNetworkInterface.networkInterface;
  return {
    name: called,
    description: text,
    imageId: data.imageId,
    instanceType: data.instanceType,
    vpcId: data.vpcId,
    subnetId,
    securityGroupIds: securityGroups,
    ...startFieldsOf(data),
  };
}
