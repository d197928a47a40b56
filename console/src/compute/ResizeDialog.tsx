// How many instances an availability group has from now on: what is missing is made, what is too much is deleted.

import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import { useQuery } from "@tanstack/react-query";

import { notify } from "../app/notices";
import { TextField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { integer } from "../form/problems";
import { useForm } from "../form/useForm";
import { useTexts } from "../texts/texts";
import type { AvailabilityGroup } from "./api";
import { checkSize } from "./groupFields";
import { members, resize } from "./groups";
import { surplus } from "./groupSize";
import { spread } from "./spread";
import { type ComputeKey, computeTexts } from "./texts";

/** More names would say less. */
const NAMED = 8;

export function ResizeDialog({ group, onClose }: { group: AvailabilityGroup; onClose: () => void }) {
  const say = useTexts(computeTexts);
  const found = useQuery({ queryKey: ["instances", "ag", group.id], queryFn: () => members(group.id) });
  const now = found.data ?? [];
  const form = useForm<{ count: string }, ComputeKey>({
    initial: { count: String(group.count) },
    texts: computeTexts,
    check: ({ count }) => ({ count: checkSize(count, found.data?.length ?? group.count) }),
    names: { count: ["maxCount"] },
    send: async ({ count }) => {
      const wanted = integer(count) ?? 0;
      await resize(group, wanted);
      notify({ type: "success", text: say("ag.resized", { name: group.name, count: wanted }) });
      onClose();
    },
  });
  const wanted = checkSize(form.values.count, now.length) === undefined ? (integer(form.values.count) ?? now.length) : now.length;
  const going = surplus(now, wanted);
  const places = spread(now, group.azs).map(({ az, count }) => say("ag.spread.of", { az, count }));
  return (
    <FormDialog form={form} title={say("ag.resize.title", { name: group.name })} submitText={say("ag.resize")} onClose={onClose}>
      <TextField form={form} field="count" numeric autoFocus label={say("ag.count")} hint={say("ag.resize.hint")} />
      {found.data !== undefined && <Box>{say("ag.spread", { places: places.join(", ") })}</Box>}
      {wanted > now.length && <Alert type="info">{say("ag.resize.more", { count: wanted - now.length })}</Alert>}
      {going.length > 0 && (
        <Alert type="warning" header={say("ag.resize.fewer", { count: going.length })}>
          {say("ag.resize.cut")}
          <ul>
            {going.slice(0, NAMED).map((it) => (
              <li key={it.instanceId}>{say("ag.resize.one", { name: it.instanceName, address: it.privateIpAddress, az: it.az })}</li>
            ))}
          </ul>
          {going.length > NAMED && say("ag.resize.others", { count: going.length - NAMED })}
        </Alert>
      )}
    </FormDialog>
  );
}
