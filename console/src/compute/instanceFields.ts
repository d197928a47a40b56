// What can be changed of an instance, and what a new one outside of any group is made of.

import { chosen, description, instanceName, integer, type Problems, range } from "../form/problems";
import type { Instance, InstanceChange } from "./api";
import { checkStart, START_NAMES, type StartFields, startFieldsOf, startSpec } from "./startFields";
import type { ComputeKey } from "./texts";

export interface InstanceFields extends StartFields {
  name: string;
  description: string;
}

export const INSTANCE_NAMES: Record<keyof InstanceFields, readonly string[]> = { ...START_NAMES, name: ["name"], description: ["description"] };

export function checkInstance(values: InstanceFields): Problems<InstanceFields, ComputeKey> {
  return { ...checkStart(values), name: instanceName(values.name), description: description(values.description) };
}

export function fieldsOf(it: Pick<Instance, "description" | "instanceName" | "metadata" | "userdata">): InstanceFields {
  return { name: it.instanceName, description: it.description, ...startFieldsOf(it) };
}

/** Of a change what was typed alone. */
export function changeSpec({ name, description: text, ...start }: Partial<InstanceFields>): InstanceChange {
  return { ...(name === undefined ? {} : { name }), ...(text === undefined ? {} : { description: text }), ...startSpec(start) };
}

export interface NewFields {
  name: string;
  templateId: string;
  az: string;
  count: string;
}

export const NEW_NAMES: Record<keyof NewFields, readonly string[]> = {
  name: ["name"],
  templateId: ["instanceTemplateId", "instance"],
  az: ["az"],
  count: ["maxCount"],
};

/** As many as the API makes at once. */
const MOST = 100;

export function checkNew(values: NewFields): Problems<NewFields> {
  return { name: instanceName(values.name), templateId: chosen(values.templateId), az: chosen(values.az), count: range(values.count, 1, MOST) };
}

/** Several are numbered. */
export function newSpec({ name, templateId, az, count }: NewFields): { spec: { name: string; instanceTemplateId: string; az: string }; count: number } {
  const many = integer(count) ?? 1;
  return { spec: { name: many > 1 ? `${name}-[1]` : name, instanceTemplateId: templateId, az }, count: many };
}
