// Who changed what, newest first.

import Button from "@cloudscape-design/components/button";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";

import { everything, pagesOfParts } from "../api/pages";
import { paths } from "../app/paths";
import { usePlace } from "../app/place";
import { RouteLink } from "../app/RouteLink";
import { users } from "../people/api";
import { ResourceTable } from "../resource/ResourceTable";
import { useMoment, useTexts } from "../texts/texts";
import { type AuditFilter, type AuditRecord, auditRecords } from "./api";
import { useAsked } from "./asked";
import { counted, outcomeOf } from "./changes";
import { OutcomeStatus } from "./OutcomeStatus";
import { RangePicker } from "./RangePicker";
import { type Range, timesOf } from "./range";
import { RecordDialog } from "./RecordDialog";
import { ResourceLink } from "./ResourceLink";
import { RESOURCE_TYPES } from "./resourceTypes";
import { useTypeName } from "./useTypeName";
import { recordTexts } from "./texts";

/** Operations are words of letters alone; ids are not. */
function meant(text: string): AuditFilter {
  return /^[A-Za-z]+$/.test(text) ? "operation" : "resourceId";
}

export function AuditPage() {
  const asked = useAsked(["resourceId", "userName"]);
  return <Records key={JSON.stringify(asked)} asked={asked} />;
}

function Records({ asked }: { asked: ReturnType<typeof useAsked<"resourceId" | "userName">> }) {
  const say = useTexts(recordTexts);
  const moment = useMoment();
  const [range, setRange] = useState<Range | null>(null);
  const [shown, setShown] = useState<AuditRecord | null>(null);
  const typeName = useTypeName();
  const all = useQuery({ queryKey: ["users", "all"], queryFn: () => everything(users) });
  usePlace("table", [{ text: say("audit.title"), href: paths.auditRecords() }]);
  const source = useMemo(
    () => ({
      key: ["auditRecords", range],
      page: pagesOfParts<AuditRecord, AuditFilter>((request) => auditRecords(request, timesOf(range, new Date()))),
    }),
    [range],
  );

  function kinds({ changes }: AuditRecord) {
    const kinds = new Set(changes.map(({ resourceType }) => resourceType));
    return [...kinds].map(typeName).join(", ");
  }

  function resources({ changes }: AuditRecord) {
    const [first] = changes;
    if (first === undefined) return say("field.none");
    return (
      <>
        <ResourceLink kind={first.resourceType} id={first.resourceId} isGone={outcomeOf(first) === "deleted"} />
        {changes.length > 1 && ` ${say("audit.more", { count: changes.length - 1 })}`}
      </>
    );
  }

  return (
    <>
      <ResourceTable
        table="auditRecords"
        title={say("audit.title")}
        description={say("audit.description")}
        source={source}
        {...(asked === undefined ? {} : { asked })}
        nameFilter={meant}
        filterHint={say("audit.filter")}
        filters={[
          {
            name: "userName",
            label: say("audit.user"),
            operators: ["=", ":"],
            options: (all.data ?? []).map(({ userName }) => ({ value: userName })),
          },
          { name: "operation", label: say("audit.operation"), operators: [":", "="] },
          {
            name: "resourceType",
            label: say("record.resourceType"),
            operators: ["="],
            options: RESOURCE_TYPES.map((type) => ({ value: type, label: say(`type.${type}`) })),
          },
          { name: "resourceId", label: say("record.resourceId"), operators: ["=", ":"] },
        ]}
        beside={<RangePicker range={range} onChange={setRange} />}
        id={(it: AuditRecord) => it.requestId}
        name={(it) => `${it.operation} ${it.time}`}
        columns={[
          { id: "time", header: say("record.time"), isRowHeader: true, cell: (it) => moment(it.time) },
          { id: "user", header: say("audit.user"), cell: (it) => <RouteLink href={paths.user(it.userId)}>{it.userName}</RouteLink> },
          {
            id: "operation",
            header: say("audit.operation"),
            cell: (it) => (
              <Button
                variant="inline-link"
                wrapText={false}
                ariaLabel={say("audit.details.of", { operation: it.operation, time: moment(it.time) })}
                onClick={() => setShown(it)}
              >
                {it.operation}
              </Button>
            ),
          },
          { id: "kind", header: say("record.kind"), cell: kinds },
          { id: "resource", header: say("record.resource"), cell: resources },
          { id: "outcome", header: say("audit.outcome"), cell: (it) => <OutcomeStatus counts={counted(it.changes)} /> },
          { id: "means", header: say("audit.means"), isExtra: true, cell: (it) => (it.means === "session" ? say("audit.session") : it.means) },
          { id: "source", header: say("audit.source"), isExtra: true, cell: (it) => it.sourceAddress },
          { id: "request", header: say("audit.request"), isExtra: true, cell: (it) => it.requestId },
        ]}
      />
      {shown !== null && <RecordDialog record={shown} onClose={() => setShown(null)} />}
    </>
  );
}
