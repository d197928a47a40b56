// Instances that have a security group.

import { everything } from "../api/pages";
import { type Instance, instances } from "../compute/api";
import type { SecurityGroup } from "./api";

/** The API does not filter by it: they are found among those of its VPC, unless it has none. */
export async function instancesOfGroup({ networkSecurityGroupId, networkInterfaceIds, vpcId }: SecurityGroup): Promise<Instance[]> {
  if (networkInterfaceIds.length === 0) return [];
  const all = await everything(instances, [{ name: "vpcId", operator: "eq", values: [vpcId] }]);
  return all.filter(({ primaryNetworkInterface: { networkInterface } }) =>
    networkInterface.securityGroups.some(({ groupId }) => groupId === networkSecurityGroupId),
  );
}
