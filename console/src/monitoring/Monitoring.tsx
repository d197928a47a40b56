// What went by something, as charts that follow. What draws them is loaded when somebody looks.

import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { lazy, Suspense } from "react";

import { Refusal } from "../app/Outcome";
import { useDuration, useTexts } from "../texts/texts";
import { metrics, type Subject } from "./api";
import { beginOf, RANGE_IDS, type RangeId, rangeOf, RANGES } from "./ranges";
import { monitoringTexts } from "./texts";

const Charts = lazy(() => import("./Charts"));

/** The time is in the address, so that it can be linked to, and stays when one goes to another tab and back. */
function useRange(): [range: RangeId, choose: (range: RangeId) => void] {
  const { range } = useSearch({ strict: false });
  const navigate = useNavigate();
  return [rangeOf(range), (next) => void navigate({ to: ".", search: (was) => ({ ...was, range: next }), replace: true })];
}

function Waiting() {
  const say = useTexts();
  return (
    <Box textAlign="center" padding="xxl">
      <Spinner size="large" /> {say("list.loading")}
    </Box>
  );
}

export function Monitoring(subject: Subject) {
  const say = useTexts(monitoringTexts);
  const duration = useDuration();
  const [range, choose] = useRange();
  const { step, refreshMs } = RANGES[range];
  const { data, error } = useQuery({
    queryKey: ["metrics", subject, range],
    queryFn: () => metrics(subject, step, beginOf(range, new Date())),
    refetchInterval: refreshMs,
    placeholderData: keepPreviousData,
  });
  return (
    <SpaceBetween size="l">
      <Header
        variant="h2"
        description={say("monitoring.step", { step: step < 60 ? duration(step, "second") : step < 3_600 ? duration(step / 60, "minute") : duration(step / 3_600, "hour") })}
        actions={
          <SegmentedControl
            label={say("monitoring.range")}
            selectedId={range}
            onChange={({ detail }) => choose(rangeOf(detail.selectedId))}
            options={RANGE_IDS.map((id) => ({ id, text: duration(RANGES[id].amount, RANGES[id].unit) }))}
          />
        }
      >
        {say("monitoring.title")}
      </Header>
      {error !== null && <Refusal error={error} />}
      {data === undefined ? error === null && <Waiting /> : (
        <Suspense fallback={<Waiting />}>
          <Charts reply={data} />
        </Suspense>
      )}
    </SpaceBetween>
  );
}
