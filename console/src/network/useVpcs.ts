// The account's VPCs, by whose names lists call them.

import { useQuery } from "@tanstack/react-query";

import { everything } from "../api/pages";
import { type Vpc, vpcs } from "./api";

export interface Vpcs {
  isPending: boolean;
  all: readonly Vpc[];
  nameOf: (vpcId: string) => string;
  /** For a filter. */
  options: readonly { value: string; label: string }[];
}

export function useVpcs(): Vpcs {
  const { data = [], isPending } = useQuery({ queryKey: ["vpcs", "all"], queryFn: () => everything(vpcs) });
  return {
    isPending,
    all: data,
    nameOf: (id) => data.find(({ vpcId }) => vpcId === id)?.vpcName ?? id,
    options: data.map(({ vpcId, vpcName }) => ({ value: vpcId, label: `${vpcName} (${vpcId})` })),
  };
}
