// Kinds of resources, in the API's words for them in records.

export const RESOURCE_TYPES = [
  "loadBalancer",
  "listener",
  "backend",
  "targetGroup",
  "availabilityGroup",
  "instance",
  "instanceTemplate",
  "vpc",
  "subnet",
  "networkSecurityGroup",
  "networkAcl",
  "elasticIp",
  "host",
  "account",
  "user",
  "accessKey",
  "session",
] as const;

export type ResourceType = (typeof RESOURCE_TYPES)[number];

/** What happens by itself happens to these. */
export const RESOURCE_TYPES_OF_EVENTS = ["backend", "instance", "host"] as const satisfies readonly ResourceType[];

/** Null: a kind that a later server has. */
export function knownType(type: string): ResourceType | null {
  return RESOURCE_TYPES.find((one) => one === type) ?? null;
}
