// Instances of a VPC that can become targets: those that are none yet.

import FormField from "@cloudscape-design/components/form-field";
import Multiselect from "@cloudscape-design/components/multiselect";
import { useQuery } from "@tanstack/react-query";

import { everything } from "../api/pages";
import { instances } from "../compute/api";
import { isSix } from "../network/api";
import { useTexts } from "../texts/texts";
import type { LoadBalancer } from "./api";
import { lbTexts } from "./texts";

interface Props {
  balancer: LoadBalancer;
  /** Who is a target already: an instance is once in a group. */
  taken: readonly string[];
  chosen: readonly string[];
  onChange: (ids: readonly string[]) => void;
  errorText: string | undefined;
}

export function InstancePicker({ balancer, taken, chosen, onChange, errorText }: Props) {
  const say = useTexts(lbTexts);
  const found = useQuery({
    queryKey: ["instances", "vpc", balancer.vpcId],
    queryFn: () => everything(instances, [{ name: "vpcId", operator: "eq", values: [balancer.vpcId] }]),
  });
  const fitting = (found.data ?? []).filter(
    (it) => !taken.includes(it.instanceId) && isSix(it.privateIpAddress) === isSix(balancer.privateIp.privateIpAddress),
  );
  const options = fitting.map((it) => ({
    value: it.instanceId,
    label: it.instanceName,
    description: `${it.privateIpAddress} · ${it.az} · ${it.instanceId}`,
  }));
  return (
    <FormField label={say("target.instances")} description={say("target.instances.hint")} errorText={errorText}>
      <Multiselect
        options={options}
        selectedOptions={options.filter(({ value }) => chosen.includes(value))}
        filteringType="auto"
        statusType={found.isPending ? "loading" : "finished"}
        loadingText={say("list.loading")}
        placeholder={say("target.instances.choose")}
        empty={say("target.instances.none")}
        onChange={({ detail }) => onChange(detail.selectedOptions.map(({ value }) => value ?? ""))}
      />
    </FormField>
  );
}
