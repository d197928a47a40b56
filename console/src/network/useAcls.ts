// Network ACLs by name: all of the account, or those of one VPC.

import { useQuery } from "@tanstack/react-query";

import { everything } from "../api/pages";
import { type NetworkAcl, networkAcls } from "./api";

export interface Acls {
  isPending: boolean;
  all: readonly NetworkAcl[];
  nameOf: (networkAclId: string) => string;
}

export function useAcls(vpcId?: string): Acls {
  const { data = [], isPending } = useQuery({
    queryKey: ["networkAcls", "all", vpcId ?? ""],
    queryFn: () => everything(networkAcls, vpcId === undefined ? [] : [{ name: "vpcId", operator: "eq", values: [vpcId] }]),
  });
  return { isPending, all: data, nameOf: (id) => data.find(({ networkAclId }) => networkAclId === id)?.networkAclName ?? id };
}
