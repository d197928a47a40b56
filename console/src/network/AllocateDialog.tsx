// New elastic IPs.

import { notify } from "../app/notices";
import { ChoiceField, TextField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { useForm } from "../form/useForm";
import { useTexts } from "../texts/texts";
import { type AllocateFields, allocationSpec, BANDWIDTH, checkAllocation, isOne, USUAL_ALLOCATION } from "./allocation";
import { createElasticIps, elasticIp } from "./api";
import { type NetworkKey, networkTexts } from "./texts";

/** As many addresses as are named when they were made. */
const NAMED = 3;

export function AllocateDialog({ onClose }: { onClose: () => void }) {
  const say = useTexts(networkTexts);
  const form = useForm<AllocateFields, NetworkKey>({
    initial: USUAL_ALLOCATION,
    texts: networkTexts,
    check: checkAllocation,
    names: { count: ["maxCount"], ipVersion: ["ipVersion"], bandwidthMbps: ["bandwidthMbps"], address: ["elasticIpAddress"] },
    send: async (values) => {
      const ids = await createElasticIps(allocationSpec(values));
      const first = await Promise.all(ids.slice(0, NAMED).map(elasticIp));
      const names = first.map(({ elasticIpAddress }) => elasticIpAddress).join(", ");
      const more = ids.length > NAMED ? ` ${say("net.more", { count: ids.length - NAMED })}` : "";
      notify({ type: "success", text: say("eip.allocated", { names: names + more }) });
      onClose();
    },
  });
  return (
    <FormDialog form={form} title={say("eip.allocate")} submitText={say("eip.allocate.do")} onClose={onClose}>
      <TextField form={form} field="count" numeric label={say("eip.count")} hint={say("eip.count.hint")} autoFocus />
      <ChoiceField
        form={form}
        field="ipVersion"
        label={say("eip.family")}
        choices={(["4", "6"] as const).map((version) => ({ value: version, label: say(`eip.family.${version}`) }))}
      />
      <TextField form={form} field="bandwidthMbps" numeric label={say("eip.bandwidth")} hint={say("eip.bandwidth.hint", BANDWIDTH)} />
      {isOne(form.values) && <TextField form={form} field="address" label={say("eip.certain")} hint={say("eip.certain.hint")} />}
    </FormDialog>
  );
}
