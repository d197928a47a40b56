// The network ACL of a subnet, if it has one.

import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { useTexts } from "../texts/texts";
import type { Subnet } from "./api";

export function AclOf({ subnet: { aclId }, nameOf }: { subnet: Subnet; nameOf: (networkAclId: string) => string }) {
  const say = useTexts();
  if (aclId === undefined) return <>{say("field.none")}</>;
  return <RouteLink href={paths.networkAcl(aclId)}>{nameOf(aclId)}</RouteLink>;
}
