// A new VPC.

import Box from "@cloudscape-design/components/box";

import { useGo } from "../app/follow";
import { notify } from "../app/notices";
import { paths } from "../app/paths";
import { DescriptionField, NameField, TextField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { description, name } from "../form/problems";
import { useForm } from "../form/useForm";
import { useTexts } from "../texts/texts";
import { createVpc } from "./api";
import { EXAMPLE_OF_SIX, rangeOfFour, rangeOfSix } from "./blocks";
import { type NetworkKey, networkTexts } from "./texts";

interface Fields {
  vpcName: string;
  description: string;
  four: string;
  six: string;
}

export function CreateVpcDialog({ onClose }: { onClose: () => void }) {
  const say = useTexts(networkTexts);
  const go = useGo();
  const form = useForm<Fields, NetworkKey>({
    initial: { vpcName: "", description: "", four: "10.0.0.0/16", six: "" },
    texts: networkTexts,
    check: (values) => ({
      vpcName: name(values.vpcName),
      description: description(values.description),
      four: rangeOfFour(values.four),
      six: rangeOfSix(values.six),
    }),
    names: { vpcName: ["vpcName"], description: ["description"], four: ["addressPrefix"], six: ["ipv6AddressPrefix"] },
    send: async (values) => {
      const vpcId = await createVpc({
        vpcName: values.vpcName,
        description: values.description,
        addressPrefix: values.four.trim(),
        ipv6AddressPrefix: values.six.trim(),
      });
      notify({ type: "success", text: say("net.created", { name: values.vpcName }) });
      onClose();
      go(paths.vpc(vpcId));
    },
  });
  const isAnywhere = form.values.four.trim() === "" && form.values.six.trim() === "";
  return (
    <FormDialog form={form} title={say("vpc.create")} submitText={say("action.create")} onClose={onClose}>
      <NameField form={form} field="vpcName" autoFocus />
      <TextField form={form} field="four" label={say("vpc.four")} hint={say("vpc.four.hint")} placeholder="10.0.0.0/16" />
      <TextField form={form} field="six" label={say("vpc.six")} hint={say("vpc.six.hint")} placeholder={EXAMPLE_OF_SIX} />
      {isAnywhere && <Box color="text-body-secondary">{say("vpc.ranges.none")}</Box>}
      <DescriptionField form={form} field="description" />
    </FormDialog>
  );
}
