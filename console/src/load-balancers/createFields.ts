// The fields of a load balancer that is to be made.

import { chosen, description, integer, isAddress, name, type Problem, type Problems, range, required } from "../form/problems";
import { isInBlock } from "../network/addresses";
import type { ElasticIp, Subnet } from "../network/api";
import type { LbKey } from "./texts";

export interface CreateFields {
  loadBalancerName: string;
  description: string;
  vpcId: string;
  subnetId: string;
  vip: "automatic" | "byHand";
  privateIpAddress: string;
  eip: "none" | "existing" | "new";
  elasticIpId: string;
  bandwidthMbps: string;
  deleteProtection: boolean;
}

export const USUAL_LOAD_BALANCER: CreateFields = {
  loadBalancerName: "",
  description: "",
  vpcId: "",
  subnetId: "",
  vip: "automatic",
  privateIpAddress: "",
  eip: "none",
  elasticIpId: "",
  bandwidthMbps: "10",
  deleteProtection: false,
};

export const CREATE_NAMES: Record<keyof CreateFields, readonly string[]> = {
  loadBalancerName: ["loadBalancerName"],
  description: ["description"],
  vpcId: [],
  subnetId: ["subnetId", "subnet"],
  vip: [],
  privateIpAddress: ["privateIpAddress"],
  eip: [],
  elasticIpId: ["elastic"],
  bandwidthMbps: ["elasticIp.bandwidthMbps", "elasticIpSpec.bandwidthMbps"],
  deleteProtection: ["deleteProtection"],
};

function vipProblem(text: string, subnet: Subnet | undefined): Problem<LbKey> | undefined {
  if (required(text) !== undefined) return required(text);
  if (!isAddress(text.trim())) return ["problem.address", { example: subnet?.endIp ?? "10.0.1.20" }];
  const isOutside = subnet !== undefined && !isInBlock(text.trim(), subnet.addressPrefix);
  return isOutside ? ["lb.vip.outside", { prefix: subnet.addressPrefix }] : undefined;
}

export function checkLoadBalancer(values: CreateFields, subnets: readonly Subnet[]): Problems<CreateFields, LbKey> {
  const subnet = subnets.find(({ subnetId }) => subnetId === values.subnetId);
  return {
    loadBalancerName: name(values.loadBalancerName),
    description: description(values.description),
    vpcId: chosen(values.vpcId),
    subnetId: chosen(values.subnetId),
    privateIpAddress: values.vip === "byHand" ? vipProblem(values.privateIpAddress, subnet) : undefined,
    elasticIpId: values.eip === "existing" ? chosen(values.elasticIpId) : undefined,
    bandwidthMbps: values.eip === "new" ? range(values.bandwidthMbps, 1, 200) : undefined,
  };
}

/** The request; a new elastic IP is made together with the load balancer, one that there is is associated after it. */
export function loadBalancerSpec(values: CreateFields) {
  return {
    type: "dnlb" as const,
    loadBalancerName: values.loadBalancerName,
    description: values.description,
    subnetId: values.subnetId,
    deleteProtection: values.deleteProtection,
    ...(values.vip === "byHand" ? { privateIpAddress: values.privateIpAddress.trim() } : {}),
    ...(values.eip === "new" ? { elasticIp: { bandwidthMbps: integer(values.bandwidthMbps) ?? 0 } } : {}),
  };
}

/** Elastic IPs of the family that the subnet's VIPs have. */
export function fittingElasticIps(eips: readonly ElasticIp[], subnet: Subnet | undefined): readonly ElasticIp[] {
  if (subnet === undefined) return eips;
  const isSix = subnet.addressPrefix.includes(":");
  return eips.filter((eip) => (eip.ipVersion === 6) === isSix);
}
