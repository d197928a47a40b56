// What can be done with a load balancer, in the list and on its page.

import { useQuery } from "@tanstack/react-query";

import { everything } from "../api/pages";
import { notify } from "../app/notices";
import { paths } from "../app/paths";
import { ChoiceField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { chosen } from "../form/problems";
import { useForm } from "../form/useForm";
import { elasticIps, isSix } from "../network/api";
import { DeleteDialog, type User } from "../resource/DeleteDialog";
import type { RowAction } from "../resource/RowActions";
import { useAction } from "../resource/useAction";
import { useTexts } from "../texts/texts";
import {
  associateElasticIp,
  backends,
  deleteLoadBalancer,
  disassociateElasticIp,
  listeners,
  type LoadBalancer,
  targetGroups,
  updateLoadBalancer,
} from "./api";
import { lbTexts } from "./texts";

export interface BalancerAction {
  kind: "associate" | "delete";
  balancer: LoadBalancer;
}

export function useBalancerActions(begin: (action: BalancerAction) => void): (balancer: LoadBalancer) => RowAction[] {
  const say = useTexts(lbTexts);
  const release = useAction(
    (balancer: LoadBalancer) => disassociateElasticIp(balancer.loadBalancerId, balancer.privateIp.elasticIpId ?? ""),
    (balancer) => say("lb.disassociated", { name: balancer.loadBalancerName }),
  );
  const power = useAction(
    (balancer: LoadBalancer) => updateLoadBalancer(balancer.loadBalancerId, { action: balancer.state.code === "ACTIVE" ? "Stop" : "Start" }),
    (balancer) => say(balancer.state.code === "ACTIVE" ? "lb.stopped" : "lb.started", { name: balancer.loadBalancerName }),
  );
  return (balancer) => [
    balancer.privateIp.elasticIpId === undefined
      ? { id: "associate", text: say("lb.associate"), act: () => begin({ kind: "associate", balancer }) }
      : { id: "disassociate", text: say("lb.disassociate"), act: () => release.run(balancer) },
    { id: "power", text: say(balancer.state.code === "ACTIVE" ? "lb.stop" : "lb.start"), act: () => power.run(balancer) },
    {
      id: "delete",
      text: say("action.delete"),
      act: () => begin({ kind: "delete", balancer }),
      disabled: balancer.deleteProtection,
      disabledReason: say("lb.protected"),
    },
  ];
}

/** What has to go before a load balancer: in the order in which it can go. */
async function usersOf(id: string, say: (key: "listener.named" | "backend.named" | "group.named", values: { name: string }) => string): Promise<User[]> {
  const filters = [{ name: "loadBalancerId", operator: "eq", values: [id] }] as const;
  const [ofListeners, ofBackends, ofGroups] = await Promise.all([
    everything(listeners, filters),
    everything(backends, filters),
    everything(targetGroups, filters),
  ]);
  return [
    ...ofListeners.map((it) => ({ text: say("listener.named", { name: it.listenerName }), href: paths.listener(id, it.listenerId) })),
    ...ofBackends.map((it) => ({ text: say("backend.named", { name: it.backendName }), href: paths.backend(id, it.backendId) })),
    ...ofGroups.map((it) => ({ text: say("group.named", { name: it.targetGroupName }), href: paths.targetGroup(id, it.targetGroupId) })),
  ];
}

export function BalancerDialogs({ acting, onClose, onDeleted }: { acting: BalancerAction | null; onClose: () => void; onDeleted?: () => void }) {
  const say = useTexts(lbTexts);
  if (acting === null) return null;
  const { loadBalancerId: id, loadBalancerName: name, privateIp } = acting.balancer;
  if (acting.kind === "associate") return <AssociateDialog balancer={acting.balancer} onClose={onClose} />;
  return (
    <DeleteDialog
      what={say("lb.kind")}
      name={name}
      id={id}
      users={() => usersOf(id, say)}
      consequence={privateIp.elasticIpId === undefined ? undefined : say("lb.delete.eip")}
      remove={() => deleteLoadBalancer(id)}
      onClose={onClose}
      {...(onDeleted === undefined ? {} : { onDeleted })}
    />
  );
}

function AssociateDialog({ balancer, onClose }: { balancer: LoadBalancer; onClose: () => void }) {
  const say = useTexts(lbTexts);
  const { loadBalancerId, loadBalancerName, privateIp } = balancer;
  const free = useQuery({
    queryKey: ["elasticIps", "free"],
    queryFn: () => everything(elasticIps, [{ name: "status", operator: "eq", values: ["NOT_ASSOCIATED"] }]),
  });
  const form = useForm({
    initial: { elasticIpId: "" },
    check: (values) => ({ elasticIpId: chosen(values.elasticIpId) }),
    names: { elasticIpId: ["elasticIpId", "elastic"] },
    send: async ({ elasticIpId }) => {
      await associateElasticIp(loadBalancerId, elasticIpId);
      notify({ type: "success", text: say("lb.associated", { name: loadBalancerName }) });
      onClose();
    },
  });
  const fitting = (free.data ?? []).filter((eip) => isSix(eip.elasticIpAddress) === isSix(privateIp.privateIpAddress));
  return (
    <FormDialog form={form} title={say("lb.associate.title", { name: loadBalancerName })} submitText={say("lb.associate")} onClose={onClose}>
      <ChoiceField
        form={form}
        field="elasticIpId"
        label={say("lb.eip")}
        hint={say("lb.associate.hint")}
        loading={free.isPending}
        empty={say("lb.eip.none")}
        choices={fitting.map((eip) => ({ value: eip.elasticIpId, label: eip.elasticIpAddress, description: eip.elasticIpId }))}
      />
    </FormDialog>
  );
}
