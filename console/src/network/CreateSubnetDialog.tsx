// A new subnet: in any VPC, or in the one whose page is open.

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { everything } from "../api/pages";
import { notify } from "../app/notices";
import { paths } from "../app/paths";
import { ChoiceField, DescriptionField, NameField, TextField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { chosen, description, name } from "../form/problems";
import { useForm } from "../form/useForm";
import { useTexts } from "../texts/texts";
import { createSubnet, subnets, type Vpc } from "./api";
import { blockOfSubnet, rangesOf, suggestedBlock } from "./blocks";
import { type NetworkKey, networkTexts } from "./texts";
import { useVpcs } from "./useVpcs";

interface Fields {
  subnetName: string;
  description: string;
  vpcId: string;
  addressPrefix: string;
}

export function CreateSubnetDialog({ of, onClose }: { of?: Vpc | undefined; onClose: () => void }) {
  const say = useTexts(networkTexts);
  const { all, isPending } = useVpcs();
  const blocks = useQuery({ queryKey: ["subnets", "all"], queryFn: () => everything(subnets) });
  // Until somebody types one, it is what is free in the VPC that is chosen.
  const [isTyped, setTyped] = useState(false);
  const siblingsIn = (vpcId: string) => (blocks.data ?? []).filter((it) => it.vpcId === vpcId);
  const vpcOf = (vpcId: string) => (of?.vpcId === vpcId ? of : all.find((it) => it.vpcId === vpcId));
  const blockIn = ({ vpcId, addressPrefix }: Fields) => (isTyped ? addressPrefix : suggestedBlock(vpcOf(vpcId), siblingsIn(vpcId)));

  const form = useForm<Fields, NetworkKey>({
    initial: { subnetName: "", description: "", vpcId: of?.vpcId ?? "", addressPrefix: "" },
    texts: networkTexts,
    check: (values) => ({
      subnetName: name(values.subnetName),
      description: description(values.description),
      vpcId: chosen(values.vpcId),
      addressPrefix: blockOfSubnet(blockIn(values), vpcOf(values.vpcId), siblingsIn(values.vpcId)),
    }),
    names: { subnetName: ["subnetName"], description: ["description"], vpcId: ["vpcId", "VPC"], addressPrefix: ["addressPrefix"] },
    send: async (values) => {
      const subnetId = await createSubnet({ ...values, addressPrefix: blockIn(values).trim() });
      notify({ type: "success", text: say("net.created", { name: values.subnetName }), link: { text: subnetId, href: paths.subnet(subnetId) } });
      onClose();
    },
  });

  const suggesting = {
    ...form,
    values: { ...form.values, addressPrefix: blockIn(form.values) },
    set: <Field extends keyof Fields>(field: Field, value: Fields[Field]) => {
      if (field === "addressPrefix") setTyped(true);
      form.set(field, value);
    },
  };
  return (
    <FormDialog form={form} title={say("subnet.create")} submitText={say("action.create")} onClose={onClose}>
      <NameField form={form} field="subnetName" autoFocus />
      {of === undefined && (
        <ChoiceField
          form={form}
          field="vpcId"
          label={say("vpc.label")}
          loading={isPending}
          empty={say("subnet.vpc.none")}
          choices={all.map((it) => ({ value: it.vpcId, label: it.vpcName, description: [it.vpcId, ...rangesOf(it)].join(" · ") }))}
        />
      )}
      <TextField form={suggesting} field="addressPrefix" label={say("subnet.block")} hint={say("subnet.block.hint")} placeholder="10.0.1.0/24" />
      <DescriptionField form={form} field="description" />
    </FormDialog>
  );
}
