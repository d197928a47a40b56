// What can be done with an elastic IP, in the list and on its page.

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { everything } from "../api/pages";
import { notify } from "../app/notices";
import { paths } from "../app/paths";
import { ChoiceField, TextField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { chosen, integer, range } from "../form/problems";
import { useEditor } from "../form/useEditor";
import { useForm } from "../form/useForm";
import { associateElasticIp, disassociateElasticIp, loadBalancer, loadBalancers } from "../load-balancers/api";
import { type Basics, useBasics } from "../resource/basics";
import type { User } from "../resource/DeleteDialog";
import { useAction } from "../resource/useAction";
import { type Say, useTexts } from "../texts/texts";
import { BANDWIDTH } from "./allocation";
import { deleteElasticIp, elasticIp, type ElasticIp, isSix, updateElasticIp } from "./api";
import { type NetworkKey, networkTexts } from "./texts";

async function usersOf(elasticIpId: string, say: Say<NetworkKey>): Promise<User[]> {
  // As it is now: it may have been associated since the list was read.
  const { instanceId } = await elasticIp(elasticIpId);
  if (instanceId === "") return [];
  const { loadBalancerName } = await loadBalancer(instanceId);
  return [{ text: say("used.balancer", { name: loadBalancerName }), href: paths.loadBalancer(instanceId) }];
}

export function useEipActions<Item extends ElasticIp>(onDeleted?: () => void): Basics<Item> {
  const say = useTexts(networkTexts);
  const [associating, setAssociating] = useState<Item | null>(null);
  const letGo = useAction(
    (it: Item) => disassociateElasticIp(it.instanceId, it.elasticIpId),
    (it) => say("eip.disassociated", { name: it.elasticIpAddress }),
  );
  const basics = useBasics<Item>({
    what: say("eip.kind"),
    id: (it) => it.elasticIpId,
    name: (it) => it.elasticIpAddress,
    editor: (it, onClose) => <EditDialog key={it.elasticIpId} was={it} onClose={onClose} />,
    more: (it) => [
      it.status === "ASSOCIATED"
        ? { id: "disassociate", text: say("eip.disassociate"), act: () => letGo.run(it) }
        : { id: "associate", text: say("eip.associate"), act: () => setAssociating(it) },
    ],
    users: (it) => usersOf(it.elasticIpId, say),
    consequence: () => say("eip.delete.text"),
    remove: deleteElasticIp,
    onDeleted,
  });
  const dialogs = associating === null ? basics.dialogs : <AssociateDialog eip={associating} onClose={() => setAssociating(null)} />;
  return { ...basics, dialogs };
}

function EditDialog({ was, onClose }: { was: ElasticIp; onClose: () => void }) {
  const say = useTexts(networkTexts);
  const fieldsOf = ({ bandwidthMbps }: ElasticIp) => ({ bandwidthMbps: String(bandwidthMbps) });
  const { form, conflict } = useEditor({
    initial: fieldsOf(was),
    read: async () => fieldsOf(await elasticIp(was.elasticIpId)),
    check: (values) => ({ bandwidthMbps: range(values.bandwidthMbps, BANDWIDTH.least, BANDWIDTH.most) }),
    names: { bandwidthMbps: ["bandwidthMbps"] },
    labels: { bandwidthMbps: say("eip.bandwidth") },
    save: (_, values) => updateElasticIp(was.elasticIpId, integer(values.bandwidthMbps) ?? was.bandwidthMbps),
    onSaved: () => {
      notify({ type: "success", text: say("save.done", { name: was.elasticIpAddress }) });
      onClose();
    },
    onReload: onClose,
  });
  return (
    <>
      <FormDialog
        form={form}
        title={say("edit.title", { what: say("eip.kind"), name: was.elasticIpAddress })}
        submitText={say("action.save")}
        onClose={onClose}
      >
        <TextField form={form} field="bandwidthMbps" numeric label={say("eip.bandwidth")} hint={say("eip.bandwidth.hint", BANDWIDTH)} autoFocus />
      </FormDialog>
      {conflict}
    </>
  );
}

function AssociateDialog({ eip, onClose }: { eip: ElasticIp; onClose: () => void }) {
  const say = useTexts(networkTexts);
  const all = useQuery({ queryKey: ["loadBalancers", "all"], queryFn: () => everything(loadBalancers) });
  const form = useForm({
    initial: { loadBalancerId: "" },
    check: (values) => ({ loadBalancerId: chosen(values.loadBalancerId) }),
    names: { loadBalancerId: ["loadBalancerId", "load", "elastic"] },
    send: async ({ loadBalancerId }) => {
      await associateElasticIp(loadBalancerId, eip.elasticIpId);
      notify({ type: "success", text: say("eip.associated", { name: eip.elasticIpAddress }) });
      onClose();
    },
  });
  const fitting = (all.data ?? []).filter(({ privateIp }) => privateIp.elasticIpId === undefined && isSix(privateIp.privateIpAddress) === isSix(eip.elasticIpAddress));
  return (
    <FormDialog form={form} title={say("eip.associate.of", { name: eip.elasticIpAddress })} submitText={say("eip.associate")} onClose={onClose}>
      <ChoiceField
        form={form}
        field="loadBalancerId"
        label={say("balancer.label")}
        hint={say("eip.associate.hint")}
        loading={all.isPending}
        empty={say("eip.associate.none")}
        choices={fitting.map((it) => ({ value: it.loadBalancerId, label: it.loadBalancerName, description: `${it.loadBalancerId} · ${it.privateIp.privateIpAddress}` }))}
      />
    </FormDialog>
  );
}
