// The same as the picture, as a table.

import Table from "@cloudscape-design/components/table";

import { RouteLink } from "../../app/RouteLink";
import { useTexts } from "../../texts/texts";
import { boxesOf, type Graph } from "./graph";
import { pictureTexts } from "./texts";
import type { Words } from "./useWords";

export function InWords({ graph, words }: { graph: Graph; words: Words }) {
  const say = useTexts(pictureTexts);
  const boxes = new Map(boxesOf(graph).map((box) => [box.id, box]));
  const placeOf = new Map(graph.racks.flatMap(({ az, rack, boxes: own }) => own.map((box) => [box.id, [az, rack].filter((part) => part !== "").join(" · ")] as const)));
  const rows = graph.flows.flatMap((flow) => {
    const from = boxes.get(flow.from);
    const to = boxes.get(flow.to);
    return from === undefined || to === undefined ? [] : [{ flow, from, to }];
  });
  return (
    <Table
      variant="embedded"
      ariaLabels={{ tableLabel: say("picture.words") }}
      items={rows}
      trackBy={({ flow }) => `${flow.from} ${flow.to}`}
      columnDefinitions={[
        { id: "from", header: say("picture.from"), cell: ({ from }) => from.title },
        { id: "to", header: say("picture.to"), isRowHeader: true, cell: ({ to }) => <RouteLink href={words.href(to)}>{to.title}</RouteLink> },
        { id: "kind", header: say("picture.kind"), cell: ({ to }) => say(`picture.kind.${to.kind}`) },
        { id: "place", header: say("picture.place"), cell: ({ to }) => placeOf.get(to.id) ?? say("field.none") },
        { id: "state", header: say("picture.state"), cell: ({ to }) => words.state(to) },
        ...(["connections", "flows", "bytes"] as const).map((measure) => ({
          id: measure,
          header: say(`picture.${measure}`),
          cell: ({ flow }: (typeof rows)[number]) => words.value(flow.rates, measure),
        })),
      ]}
    />
  );
}
