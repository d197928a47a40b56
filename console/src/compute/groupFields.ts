// The fields of a new availability group, and what they become in the API.

import { chosen, description, firstOf, integer, name, type Problems, range } from "../form/problems";
import { versionOf } from "../network/addresses";
import type { Subnet } from "../network/api";
import type { InstanceTemplate } from "./api";
import type { ComputeKey } from "./texts";

export interface GroupFields {
  agName: string;
  description: string;
  templateId: string;
  /** Zones that the user does not want. */
  without: readonly string[];
  count: string;
}

export const USUAL_GROUP: GroupFields = { agName: "", description: "", templateId: "", without: [], count: "2" };

/** More take several requests, of which one may be refused: a hundred are made at once or not at all. */
const MOST_FIRST = 100;
/** More is a slip of the finger; what an account may have its quota says. */
const MOST = 10_000;

export const GROUP_NAMES: Record<keyof GroupFields, readonly string[]> = {
  agName: ["agName"],
  description: ["description"],
  templateId: ["instanceTemplateId"],
  without: ["azs", "az"],
  count: ["maxCount"],
};

export function checkGroup(values: GroupFields, zones: readonly string[]): Problems<GroupFields, ComputeKey> {
  return {
    agName: name(values.agName),
    description: description(values.description),
    templateId: chosen(values.templateId),
    without: zones.every((zone) => values.without.includes(zone)) ? ["ag.azs.needed"] : undefined,
    count: range(values.count, 0, MOST_FIRST),
  };
}

/** Where a load balancer takes its servers: in its VPC, with addresses of its VIP's family. */
export interface Within {
  vpcId: string;
  ipVersion: 4 | 6;
}

export function isWithin(
  { instanceTemplateData: data }: Pick<InstanceTemplate, "instanceTemplateData">,
  { vpcId, ipVersion }: Within,
  subnets: readonly Pick<Subnet, "addressPrefix" | "subnetId">[],
): boolean {
  const subnet = subnets.find(({ subnetId }) => subnetId === data.primaryNetworkInterface.networkInterface.subnetId);
  return data.vpcId === vpcId && subnet !== undefined && versionOf(subnet.addressPrefix) === ipVersion;
}

export function sizeOf({ count }: Pick<GroupFields, "count">): number {
  return integer(count) ?? 0;
}

export function groupSpec(values: GroupFields, zones: readonly string[]) {
  return {
    agName: values.agName,
    description: values.description,
    instanceTemplateId: values.templateId,
    azs: zones.filter((zone) => !values.without.includes(zone)),
  };
}

/** The size that a group is to have from now on. */
export function checkSize(count: string, now: number): ReturnType<typeof firstOf<ComputeKey>> {
  return firstOf<ComputeKey>(range(count, 0, MOST), integer(count) === now ? ["ag.size.same"] : undefined);
}
