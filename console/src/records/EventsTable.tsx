// What happened by itself, newest first.

import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useMemo, useState } from "react";

import { type Filter, pagesOfParts } from "../api/pages";
import { ResourceTable } from "../resource/ResourceTable";
import { useMoment, useTexts } from "../texts/texts";
import { type Event, type EventFilter, events } from "./api";
import { EVENT_KINDS, known, toneOf } from "./eventKinds";
import { RangePicker } from "./RangePicker";
import { type Range, timesOf } from "./range";
import { ResourceLink } from "./ResourceLink";
import { RESOURCE_TYPES_OF_EVENTS } from "./resourceTypes";
import { recordTexts } from "./texts";

export function EventStatus({ kind }: { kind: string }) {
  const say = useTexts(recordTexts);
  const found = known(kind);
  return <StatusIndicator type={found === null ? "info" : toneOf(found)}>{found === null ? kind : say(`event.${found}`)}</StatusIndicator>;
}

interface Props {
  table: string;
  variant: "full-page" | "container";
  description: string;
  /** Events of these resources alone. */
  of?: ReadonlyMap<string, string>;
  asked?: readonly Filter<EventFilter>[];
}

export function EventsTable({ table, variant, description, of, asked }: Props) {
  const say = useTexts(recordTexts);
  const moment = useMoment();
  const [range, setRange] = useState<Range | null>(null);
  const source = useMemo(
    () => ({
      key: ["events", table, range],
      page: pagesOfParts<Event, EventFilter>((request) => events(request, timesOf(range, new Date()))),
    }),
    [table, range],
  );
  return (
    <ResourceTable
      table={table}
      variant={variant}
      title={say("events.title")}
      description={description}
      source={source}
      fixed={of === undefined ? [] : [{ name: "resourceId", operator: "eq", values: [...of.keys()] }]}
      {...(asked === undefined ? {} : { asked })}
      nameFilter="resourceId"
      filterHint={say("events.filter")}
      filters={[
        { name: "kind", label: say("event.kind"), operators: ["="], options: EVENT_KINDS.map((kind) => ({ value: kind, label: say(`event.${kind}`) })) },
        {
          name: "resourceType",
          label: say("record.resourceType"),
          operators: ["="],
          options: RESOURCE_TYPES_OF_EVENTS.map((type) => ({ value: type, label: say(`type.${type}`) })),
        },
        {
          name: "resourceId",
          label: say("record.resourceId"),
          operators: ["=", ":"],
          ...(of === undefined ? {} : { options: [...of].map(([value, label]) => ({ value, label })) }),
        },
      ]}
      beside={<RangePicker range={range} onChange={setRange} />}
      id={(it) => `${it.time} ${it.kind} ${it.resourceId} ${it.message}`}
      name={(it) => `${it.kind} ${it.resourceId}`}
      columns={[
        { id: "time", header: say("record.time"), isRowHeader: true, cell: (it) => moment(it.time) },
        { id: "kind", header: say("event.kind"), cell: (it) => <EventStatus kind={it.kind} /> },
        { id: "resource", header: say("record.resource"), cell: (it) => <ResourceLink kind={it.resourceType} id={it.resourceId} name={of?.get(it.resourceId) ?? it.resourceId} /> },
        { id: "message", header: say("event.message"), cell: (it) => it.message },
      ]}
    />
  );
}
