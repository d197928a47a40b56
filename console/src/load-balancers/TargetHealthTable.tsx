// The health of every target of a backend service: state, since when, and why.

import SegmentedControl from "@cloudscape-design/components/segmented-control";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { everything, type PageRequest } from "../api/pages";
import { useMay } from "../api/session";
import { notify } from "../app/notices";
import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { instances } from "../compute/api";
import { TextField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { integer, range } from "../form/problems";
import { useForm } from "../form/useForm";
import { ResourceTable, wholeList } from "../resource/ResourceTable";
import { RowActions } from "../resource/RowActions";
import { useMoment, useTexts } from "../texts/texts";
import { withPort } from "./address";
import { agTargets, type Backend, type TargetHealth, targetHealths, updateAgTargets } from "./api";
import { countOfTargets } from "./health";
import { HealthStrip } from "./HealthStrip";
import { HealthSummary } from "./HealthSummary";
import { TargetStatus } from "./TargetStatus";
import { lbTexts } from "./texts";
import { type Span, SPANS, useHealthChanges } from "./useHealthChanges";

const spans = Object.keys(SPANS) as readonly Span[];

export function TargetHealthTable({ backend }: { backend: Backend }) {
  const say = useTexts(lbTexts);
  const moment = useMoment();
  const may = useMay("Operator");
  const { backendId } = backend;
  const [agId] = backend.agIds;
  const [weighing, setWeighing] = useState<TargetHealth | null>(null);
  const [span, setSpan] = useState<Span>("hour");
  const health = useQuery({ queryKey: ["targetHealths", backendId, "count"], queryFn: () => targetHealths(backendId) });
  const changes = useHealthChanges(backendId, (health.data ?? []).map(({ instanceId }) => instanceId), span);
  const members = useQuery({
    queryKey: ["instances", "ag", agId],
    queryFn: () => everything(instances, [{ name: "agId", operator: "eq", values: [agId ?? ""] }]),
    enabled: agId !== undefined,
  });
  const nameOf = (id: string) => members.data?.find(({ instanceId }) => instanceId === id)?.instanceName;
  return (
    <>
      <ResourceTable
        table="targetHealth"
        variant="container"
        title={say("health.title")}
        description={health.data !== undefined && <HealthSummary {...countOfTargets(health.data)} />}
        source={wholeList<TargetHealth, "any">(
          ["targetHealths", backendId],
          () => targetHealths(backendId),
          (it, { values }) => values.some((text) => `${it.instanceId} ${it.ipAddress} ${it.status} ${it.unhealthReason?.detail ?? ""}`.includes(text)),
        )}
        nameFilter="any"
        beside={
          <SegmentedControl
            label={say("history.title")}
            selectedId={span}
            onChange={({ detail }) => setSpan(spans.find((one) => one === detail.selectedId) ?? "hour")}
            options={spans.map((one) => ({ id: one, text: say(`history.span.${one}`) }))}
          />
        }
        id={(it) => it.instanceId}
        name={(it) => it.instanceId}
        columns={[
          {
            id: "instance",
            header: say("target.instance"),
            isRowHeader: true,
            cell: (it) => {
              const name = nameOf(it.instanceId);
              const text = name === undefined ? it.instanceId : `${name} (${it.instanceId})`;
              return <RouteLink href={paths.target(backend.loadBalancerId, backendId, it.instanceId)}>{text}</RouteLink>;
            },
          },
          { id: "address", header: say("target.address"), cell: (it) => withPort(it.ipAddress, it.port) },
          { id: "status", header: say("lb.state"), cell: (it) => <TargetStatus status={it.status} /> },
          { id: "history", header: say(`history.span.${span}`), cell: (it) => changes !== undefined && <HealthStrip target={it} changes={changes} /> },
          { id: "since", header: say("target.since"), cell: (it) => (it.sinceTime === undefined ? say("field.none") : moment(it.sinceTime)) },
          { id: "reason", header: say("target.reason"), cell: (it) => it.unhealthReason?.detail ?? say("field.none") },
          { id: "weight", header: say("target.weight"), cell: (it) => it.weight },
          ...(may && agId !== undefined
            ? [
                {
                  id: "operation",
                  header: say("list.operation"),
                  cell: (it: TargetHealth) => (
                    <RowActions name={it.instanceId} more={[{ id: "weight", text: say("target.weigh"), act: () => setWeighing(it) }]} />
                  ),
                },
              ]
            : []),
        ]}
      />
      {weighing !== null && <WeightDialog key={weighing.instanceId} backendId={backendId} was={weighing} onClose={() => setWeighing(null)} />}
    </>
  );
}

function WeightDialog({ backendId, was, onClose }: { backendId: string; was: TargetHealth; onClose: () => void }) {
  const say = useTexts(lbTexts);
  const form = useForm({
    initial: { weight: String(was.weight) },
    check: (values) => ({ weight: range(values.weight, 1, 100) }),
    names: { weight: ["weight"] },
    send: async ({ weight }) => {
      const found = (await everything((request: PageRequest<"weight">) => agTargets(backendId, request))).find(({ instanceId }) => instanceId === was.instanceId);
      if (found !== undefined) await updateAgTargets(backendId, [{ targetId: found.targetId, weight: integer(weight) }]);
      notify({ type: "success", text: say("save.done", { name: was.instanceId }) });
      onClose();
    },
  });
  return (
    <FormDialog form={form} title={say("target.weigh.title", { name: was.instanceId })} submitText={say("action.save")} onClose={onClose}>
      <TextField form={form} field="weight" numeric autoFocus label={say("target.weight")} hint={say("target.weight.hint")} />
    </FormDialog>
  );
}
