// All subnets of the account.

import { paths } from "../app/paths";
import { usePlace } from "../app/place";
import { useTexts } from "../texts/texts";
import { SubnetTable } from "./SubnetTable";
import { networkTexts } from "./texts";

export function SubnetsPage() {
  const say = useTexts(networkTexts);
  usePlace("table", [{ text: say("subnet.title"), href: paths.subnets() }]);
  return <SubnetTable />;
}
