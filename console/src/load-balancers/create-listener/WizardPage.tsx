// Create Listener: where it listens, which backend service takes it, how that is checked, and which servers serve.

import { useQuery } from "@tanstack/react-query";

import { everything } from "../../api/pages";
import { useMay } from "../../api/session";
import { useGo } from "../../app/follow";
import { notify } from "../../app/notices";
import { RoleMissing } from "../../app/Outcome";
import { paths } from "../../app/paths";
import { usePlace } from "../../app/place";
import { makeAll } from "../../app/undo";
import { LeaveGuard, useGuard } from "../../form/LeaveGuard";
import { type Form, useForm } from "../../form/useForm";
import { useTexts } from "../../texts/texts";
import { backends, createBackend, createListener, deleteBackend, listeners, type LoadBalancer } from "../api";
import { OfBalancer } from "../OfBalancer";
import { type LbKey, lbTexts } from "../texts";
import { useBalancerCrumbs } from "../useBalancer";
import { Steps } from "./Steps";
import { checkWizard, following, stepsOf, type Surroundings, USUAL_WIZARD, WIZARD_NAMES, type WizardFields } from "./wizard";

export function WizardPage() {
  return <OfBalancer>{(balancer) => <Wizard key={balancer.loadBalancerId} balancer={balancer} />}</OfBalancer>;
}

function Wizard({ balancer }: { balancer: LoadBalancer }) {
  const say = useTexts(lbTexts);
  const go = useGo();
  const guard = useGuard();
  const may = useMay("Operator");
  const { loadBalancerId: id } = balancer;
  const ofBalancer = [{ name: "loadBalancerId", operator: "eq", values: [id] }] as const;
  const allListeners = useQuery({ queryKey: ["listeners", "all", id], queryFn: () => everything(listeners, ofBalancer) });
  const allBackends = useQuery({ queryKey: ["backends", "all", id], queryFn: () => everything(backends, ofBalancer) });
  const around: Surroundings = { listeners: allListeners.data ?? [], backends: allBackends.data ?? [] };
  const back = paths.loadBalancer(id, "listeners");
  usePlace("wizard", [...useBalancerCrumbs(balancer, id, "listeners"), { text: say("listener.create"), href: paths.createListener(id) }]);

  const typed = useForm<WizardFields, LbKey>({
    initial: USUAL_WIZARD,
    check: (values) => checkWizard(values, around),
    names: WIZARD_NAMES,
    texts: lbTexts,
    send: async (values) => {
      const region = {
        createBackend,
        deleteBackend,
        createListener,
        backends: () => everything(backends, ofBalancer),
        listeners: () => everything(listeners, ofBalancer),
      };
      await makeAll(stepsOf(id, values, around, region));
      guard.release();
      notify({ type: "success", text: say("listener.created", { name: values.listenerName }) });
      go(back);
    },
  });
  const form: Form<WizardFields> = {
    ...typed,
    set: (field, value) => {
      const changes = following(typed.values, field, value);
      (Object.keys(changes) as (keyof WizardFields)[]).forEach((one) => typed.set(one, changes[one] as WizardFields[typeof one]));
    },
  };

  // Who loses the role while typing is refused, and keeps what was typed.
  if (!may && !form.isEdited) return <RoleMissing takes="Operator" back={back} />;
  return (
    <>
      <LeaveGuard isEdited={form.isEdited} guard={guard} />
      <Steps form={form} balancer={balancer} around={around} onCancel={() => go(back)} />
    </>
  );
}
