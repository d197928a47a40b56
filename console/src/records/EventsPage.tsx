// What happened by itself in the account.

import { session } from "../api/session";
import { useCell } from "../app/cell";
import { paths } from "../app/paths";
import { usePlace } from "../app/place";
import { useTexts } from "../texts/texts";
import { useAsked } from "./asked";
import { EventsTable } from "./EventsTable";
import { recordTexts } from "./texts";

export function EventsPage() {
  const say = useTexts(recordTexts);
  const operates = useCell(session)?.operates ?? false;
  const asked = useAsked(["resourceId"]);
  usePlace("table", [{ text: say("events.title"), href: paths.events() }]);
  return (
    <EventsTable
      key={JSON.stringify(asked)}
      table="events"
      variant="full-page"
      description={say(operates ? "events.description.region" : "events.description")}
      {...(asked === undefined ? {} : { asked })}
    />
  );
}
