// Security groups of a VPC that instances are to have.

import FormField from "@cloudscape-design/components/form-field";
import Multiselect from "@cloudscape-design/components/multiselect";
import { useQuery } from "@tanstack/react-query";

import { everything } from "../api/pages";
import { securityGroups } from "../network/api";
import { useTexts } from "../texts/texts";
import { computeTexts } from "./texts";

interface Props {
  vpcId: string;
  chosen: readonly string[];
  onChange: (ids: readonly string[]) => void;
  errorText: string | undefined;
}

export function SecurityGroupsField({ vpcId, chosen, onChange, errorText }: Props) {
  const say = useTexts(computeTexts);
  const found = useQuery({
    queryKey: ["securityGroups", "vpc", vpcId],
    queryFn: () => everything(securityGroups, [{ name: "vpcId", operator: "eq", values: [vpcId] }]),
    enabled: vpcId !== "",
  });
  const options = (found.data ?? []).map((it) => ({
    value: it.networkSecurityGroupId,
    label: it.networkSecurityGroupName,
    description: [it.networkSecurityGroupId, it.description].filter(Boolean).join(" · "),
  }));
  return (
    <FormField
      label={<>{say("template.groups")} <i>- {say("field.optional")}</i></>}
      description={say("template.groups.hint")}
      errorText={errorText}
    >
      <Multiselect
        options={options}
        selectedOptions={options.filter(({ value }) => chosen.includes(value))}
        filteringType="auto"
        statusType={vpcId !== "" && found.isPending ? "loading" : "finished"}
        loadingText={say("list.loading")}
        placeholder={say("template.groups.choose")}
        empty={say(vpcId === "" ? "template.vpc.first" : "template.groups.none")}
        deselectAriaLabel={({ label }) => `${say("action.remove")}: ${label ?? ""}`}
        onChange={({ detail }) => onChange(detail.selectedOptions.map(({ value }) => value ?? ""))}
      />
    </FormField>
  );
}
