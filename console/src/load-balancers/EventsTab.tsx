// What has happened by itself: targets that became healthy or unhealthy, and drains.

import { everything } from "../api/pages";
import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { ResourceTable, wholeList } from "../resource/ResourceTable";
import { useMoment, useTexts } from "../texts/texts";
import { backends, events, type Event } from "./api";
import { lbTexts } from "./texts";

interface Happening extends Event {
  backendName: string;
}

async function happenings(loadBalancerId: string): Promise<Happening[]> {
  const ofBalancer = await everything(backends, [{ name: "loadBalancerId", operator: "eq", values: [loadBalancerId] }]);
  const names = new Map(ofBalancer.map(({ backendId, backendName }) => [backendId, backendName]));
  const found = await events([loadBalancerId, ...names.keys()]);
  return found.map((event) => ({ ...event, backendName: names.get(event.resourceId) ?? "" }));
}

export function EventsTab({ loadBalancerId }: { loadBalancerId: string }) {
  const say = useTexts(lbTexts);
  const moment = useMoment();
  return (
    <ResourceTable
      table="loadBalancerEvents"
      variant="container"
      title={say("tab.events")}
      description={say("events.description")}
      source={wholeList<Happening, "message">(
        ["events", loadBalancerId],
        () => happenings(loadBalancerId),
        (event, { values }) => values.some((text) => `${event.kind} ${event.message} ${event.backendName}`.toLowerCase().includes(text.toLowerCase())),
      )}
      nameFilter="message"
      id={(it) => `${it.time} ${it.kind} ${it.resourceId} ${it.message}`}
      name={(it) => it.kind}
      columns={[
        { id: "time", header: say("events.time"), isRowHeader: true, cell: (it) => moment(it.time) },
        { id: "kind", header: say("events.kind"), cell: (it) => it.kind },
        {
          id: "backend",
          header: say("backend.title"),
          cell: (it) =>
            it.backendName === "" ? it.resourceId : <RouteLink href={paths.backend(loadBalancerId, it.resourceId)}>{it.backendName}</RouteLink>,
        },
        { id: "message", header: say("events.message"), cell: (it) => it.message },
      ]}
    />
  );
}
