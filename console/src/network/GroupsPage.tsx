// All security groups of the account.

import { paths } from "../app/paths";
import { usePlace } from "../app/place";
import { useTexts } from "../texts/texts";
import { GroupTable } from "./GroupTable";
import { networkTexts } from "./texts";

export function GroupsPage() {
  const say = useTexts(networkTexts);
  usePlace("table", [{ text: say("group.title"), href: paths.securityGroups() }]);
  return <GroupTable />;
}
