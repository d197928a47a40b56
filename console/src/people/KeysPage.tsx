// Access keys: one's own, and for an administrator those of all users.

import { paths } from "../app/paths";
import { usePlace } from "../app/place";
import { useTexts } from "../texts/texts";
import { KeyTable } from "./KeyTable";
import { peopleTexts } from "./texts";

export function KeysPage() {
  const say = useTexts(peopleTexts);
  usePlace("table", [{ text: say("key.title"), href: paths.accessKeys() }]);
  return <KeyTable />;
}
