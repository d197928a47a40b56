// The fields of an instance template, as the pages draw them that create and edit one.

import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";

import { everything } from "../api/pages";
import { ChoiceField, DescriptionField, NameField } from "../form/fields";
import type { Form } from "../form/useForm";
import { isSix, subnets, vpcs } from "../network/api";
import { useTexts } from "../texts/texts";
import { images, type InstanceTemplate, instanceTypes } from "./api";
import { SecurityGroupsField } from "./SecurityGroupsField";
import { StartFieldsForm } from "./StartFieldsForm";
import { following, type TemplateFields } from "./templateFields";
import { computeTexts } from "./texts";

interface Props {
  form: Form<TemplateFields>;
  /** The template as it is, if there is one. */
  was?: InstanceTemplate;
}

export function TemplateForm({ form, was }: Props) {
  const say = useTexts(computeTexts);
  const { values } = form;
  const networks = useQuery({ queryKey: ["vpcs", "all"], queryFn: () => everything(vpcs) });
  const blocks = useQuery({ queryKey: ["subnets", "all"], queryFn: () => everything(subnets) });
  const system = useQuery({ queryKey: ["images"], queryFn: images, refetchInterval: false });
  const sizes = useQuery({ queryKey: ["instanceTypes"], queryFn: instanceTypes, refetchInterval: false });

  const set: Form<TemplateFields>["set"] = (field, value) => {
    const changes = following(field, value);
    (Object.keys(changes) as (keyof TemplateFields)[]).forEach((one) => form.set(one, changes[one] as TemplateFields[typeof one]));
  };
  // The groups' instances are in one VPC and of one family.
  const isUsed = was !== undefined && was.ags.length > 0;
  const subnetBefore = blocks.data?.find(({ subnetId }) => subnetId === was?.instanceTemplateData.primaryNetworkInterface.networkInterface.subnetId);
  const keptFamily = isUsed && subnetBefore !== undefined ? isSix(subnetBefore.addressPrefix) : null;
  const offeredVpcs = (networks.data ?? []).filter(({ vpcId }) => !isUsed || vpcId === was.instanceTemplateData.vpcId);
  const offeredSubnets = (blocks.data ?? []).filter(
    ({ vpcId, addressPrefix }) => vpcId === values.vpcId && (keptFamily === null || isSix(addressPrefix) === keptFamily),
  );

  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">{say("template.basics")}</Header>}>
        <SpaceBetween size="l">
          <NameField form={form} field="name" autoFocus />
          <DescriptionField form={form} field="description" />
        </SpaceBetween>
      </Container>
      <Container header={<Header variant="h2">{say("template.machine")}</Header>}>
        <SpaceBetween size="l">
          <ChoiceField
            form={form}
            field="imageId"
            label={say("template.image")}
            hint={say("template.image.hint")}
            loading={system.isPending}
            choices={(system.data ?? []).map((it) => ({ value: it.imageId, label: it.name, description: `${it.imageId} · ${it.desc}` }))}
          />
          <ChoiceField
            form={form}
            field="instanceType"
            label={say("template.type")}
            loading={sizes.isPending}
            choices={(sizes.data ?? []).map((it) => ({
              value: it.instanceType,
              label: it.instanceType,
              description: say("template.type.of", { cpu: it.cpu, memory: it.memoryMB / 1_024 }),
            }))}
          />
        </SpaceBetween>
      </Container>
      <Container header={<Header variant="h2">{say("template.network")}</Header>}>
        <SpaceBetween size="l">
          <ChoiceField
            form={{ ...form, set }}
            field="vpcId"
            label={say("template.vpc")}
            hint={isUsed ? say("template.vpc.kept", { names: was.ags.map(({ name }) => name).join(", ") }) : undefined}
            loading={networks.isPending}
            empty={say("template.vpc.none")}
            choices={offeredVpcs.map((it) => ({
              value: it.vpcId,
              label: it.vpcName,
              description: [it.vpcId, it.addressPrefix, it.ipv6AddressPrefix].filter(Boolean).join(" · "),
            }))}
          />
          <ChoiceField
            form={form}
            field="subnetId"
            label={say("template.subnet")}
            hint={say("template.subnet.hint")}
            loading={blocks.isPending}
            empty={say(values.vpcId === "" ? "template.vpc.first" : "template.subnet.none")}
            choices={offeredSubnets.map((it) => ({
              value: it.subnetId,
              label: it.subnetName,
              description: `${it.addressPrefix} · ${say("template.subnet.free", { count: it.availableIpCount })}`,
            }))}
          />
          <SecurityGroupsField
            vpcId={values.vpcId}
            chosen={values.securityGroupIds}
            onChange={(ids) => form.set("securityGroupIds", ids)}
            errorText={form.errorText("securityGroupIds")}
          />
        </SpaceBetween>
      </Container>
      <Container header={<Header variant="h2">{say("start.title")}</Header>}>
        <StartFieldsForm form={form} hint={say("start.script.hint")} />
      </Container>
    </SpaceBetween>
  );
}
