// The rows of every target: how many it has, and how many its weight asks for.

import { useQuery } from "@tanstack/react-query";

import { paths } from "../../app/paths";
import { RouteLink } from "../../app/RouteLink";
import * as tokens from "../../app/tokens";
import { ResourceTable, wholeList } from "../../resource/ResourceTable";
import { useLocale, useTexts } from "../../texts/texts";
import { type Backend, rowDistribution } from "../api";
import { TargetStatus } from "../TargetStatus";
import { lbTexts } from "../texts";
import { barsOf, type RowBar } from "./rows";

const WIDTH = 180;
const HEIGHT = 16;

export function RowsTab({ backend: { backendId, loadBalancerId } }: { backend: Backend }) {
  const say = useTexts(lbTexts);
  const locale = useLocale();
  const { data } = useQuery({ queryKey: ["rowDistribution", backendId, "count"], queryFn: () => rowDistribution(backendId) });
  const percent = new Intl.NumberFormat(locale, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const rounded = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  return (
    <ResourceTable
      table="rows"
      variant="container"
      title={say("rows.title")}
      description={say("rows.description", { count: data?.rows ?? 0 })}
      source={wholeList<RowBar, "any">(
        ["rowDistribution", backendId],
        async () => barsOf(await rowDistribution(backendId)),
        (it, { values }) => values.some((text) => `${it.instanceId} ${it.ipAddress}`.includes(text)),
      )}
      nameFilter="any"
      id={(it) => it.instanceId}
      name={(it) => it.instanceId}
      columns={[
        {
          id: "instance",
          header: say("target.instance"),
          isRowHeader: true,
          cell: (it) => <RouteLink href={paths.target(loadBalancerId, backendId, it.instanceId)}>{it.instanceId}</RouteLink>,
        },
        { id: "status", header: say("lb.state"), cell: (it) => <TargetStatus status={it.status} /> },
        { id: "weight", header: say("target.weight"), cell: (it) => it.weight },
        { id: "bar", header: say("rows.bar"), cell: (it) => <Bar bar={it.bar} mark={it.mark} /> },
        { id: "rows", header: say("rows.rows"), cell: (it) => it.rows },
        { id: "wanted", header: say("rows.wanted"), cell: (it) => rounded.format(it.wantedRows) },
        { id: "share", header: say("rows.share"), cell: (it) => percent.format(it.share) },
      ]}
    />
  );
}

/** What it has, and a mark at what it should have. The numbers stand beside. */
function Bar({ bar, mark }: Pick<RowBar, "bar" | "mark">) {
  const end = mark * (WIDTH - 2);
  return (
    <svg aria-hidden width={WIDTH} height={HEIGHT}>
      <rect y={3} width={bar * (WIDTH - 2)} height={HEIGHT - 6} fill={tokens.colorChartsPaletteCategorical1} />
      <rect x={end} width={2} height={HEIGHT} fill={tokens.colorTextBodyDefault} />
    </svg>
  );
}
