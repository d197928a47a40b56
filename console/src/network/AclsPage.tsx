// All network ACLs of the account.

import { paths } from "../app/paths";
import { usePlace } from "../app/place";
import { useTexts } from "../texts/texts";
import { AclTable } from "./AclTable";
import { networkTexts } from "./texts";

export function AclsPage() {
  const say = useTexts(networkTexts);
  usePlace("table", [{ text: say("acl.title"), href: paths.networkAcls() }]);
  return <AclTable />;
}
