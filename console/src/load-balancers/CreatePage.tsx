// A new load balancer: where, at which address, and whether the world reaches it.

import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import RadioGroup from "@cloudscape-design/components/radio-group";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";

import { everything } from "../api/pages";
import { useGo } from "../app/follow";
import { notify } from "../app/notices";
import { paths } from "../app/paths";
import { useZones } from "../app/region";
import { makeAll } from "../app/undo";
import { ChoiceField, DescriptionField, NameField, SwitchField, TextField } from "../form/fields";
import { FormPage } from "../form/FormPage";
import { useGuard } from "../form/LeaveGuard";
import { useForm } from "../form/useForm";
import { elasticIps, subnets, vpcs } from "../network/api";
import { useTexts } from "../texts/texts";
import { associateElasticIp, createLoadBalancer, deleteLoadBalancer } from "./api";
import { checkLoadBalancer, CREATE_NAMES, fittingElasticIps, loadBalancerSpec, USUAL_LOAD_BALANCER } from "./createFields";
import { lbTexts } from "./texts";

export function CreatePage() {
  const say = useTexts(lbTexts);
  const go = useGo();
  const guard = useGuard();
  const zones = useZones();
  const networks = useQuery({ queryKey: ["vpcs", "all"], queryFn: () => everything(vpcs) });
  const blocks = useQuery({ queryKey: ["subnets", "all"], queryFn: () => everything(subnets) });
  const free = useQuery({
    queryKey: ["elasticIps", "free"],
    queryFn: () => everything(elasticIps, [{ name: "status", operator: "eq", values: ["NOT_ASSOCIATED"] }]),
  });
  const all = blocks.data ?? [];

  const form = useForm({
    initial: USUAL_LOAD_BALANCER,
    check: (values) => checkLoadBalancer(values, all),
    names: CREATE_NAMES,
    texts: lbTexts,
    send: async (values) => {
      const make = { name: "balancer", make: () => createLoadBalancer(loadBalancerSpec(values)), undo: deleteLoadBalancer };
      const associate = {
        name: "elasticIp",
        make: async (made: ReadonlyMap<string, string>) => {
          await associateElasticIp(made.get("balancer") ?? "", values.elasticIpId);
          return values.elasticIpId;
        },
      };
      const made = await makeAll(values.eip === "existing" ? [make, associate] : [make]);
      guard.release();
      notify({ type: "success", text: say("lb.created", { name: values.loadBalancerName }) });
      go(paths.loadBalancer(made.get("balancer") ?? "", "listeners"));
    },
  });

  const { values } = form;
  const ofVpc = all.filter((subnet) => subnet.vpcId === values.vpcId);
  const subnet = all.find(({ subnetId }) => subnetId === values.subnetId);
  const title = say("lb.create");
  return (
    <FormPage
      form={form}
      guard={guard}
      title={title}
      crumbs={[
        { text: say("lb.title"), href: paths.loadBalancers() },
        { text: title, href: paths.createLoadBalancer() },
      ]}
      submitText={title}
      cancelTo={paths.loadBalancers()}
    >
      <Container header={<Header variant="h2">{say("lb.basics")}</Header>}>
        <SpaceBetween size="l">
          <NameField form={form} field="loadBalancerName" autoFocus />
          <DescriptionField form={form} field="description" />
          <SwitchField form={form} field="deleteProtection" label={say("lb.protection")} hint={say("lb.protection.hint")} />
        </SpaceBetween>
      </Container>
      <Container header={<Header variant="h2">{say("lb.network")}</Header>}>
        <SpaceBetween size="l">
          <ChoiceField
            form={{ ...form, set: (field, value) => {
              form.set(field, value);
              if (field === "vpcId") form.set("subnetId", "");
            } }}
            field="vpcId"
            label={say("lb.vpc")}
            loading={networks.isPending}
            empty={say("lb.vpc.none")}
            choices={(networks.data ?? []).map((it) => ({ value: it.vpcId, label: it.vpcName, description: [it.vpcId, it.addressPrefix, it.ipv6AddressPrefix].filter(Boolean).join(" · ") }))}
          />
          <ChoiceField
            form={form}
            field="subnetId"
            label={say("lb.subnet")}
            hint={say("lb.subnet.hint")}
            loading={blocks.isPending}
            empty={say(values.vpcId === "" ? "lb.subnet.first" : "lb.subnet.none")}
            choices={ofVpc.map((it) => ({
              value: it.subnetId,
              label: it.subnetName,
              description: `${it.addressPrefix} · ${say("lb.subnet.free", { count: it.availableIpCount })}`,
            }))}
          />
          <FormField label={say("lb.azs")} description={say("lb.azs.hint")}>
            <SpaceBetween direction="horizontal" size="xs">
              {zones.map((zone) => <Badge key={zone}>{zone}</Badge>)}
            </SpaceBetween>
          </FormField>
          <FormField label={say("lb.vip")} description={say("lb.vip.hint")}>
            <RadioGroup
              value={values.vip}
              onChange={({ detail }) => form.set("vip", detail.value === "byHand" ? "byHand" : "automatic")}
              items={[
                { value: "automatic", label: say("lb.vip.automatic") },
                { value: "byHand", label: say("lb.vip.byHand") },
              ]}
            />
          </FormField>
          {values.vip === "byHand" && (
            <TextField form={form} field="privateIpAddress" label={say("lb.vip.address")} constraint={subnet?.addressPrefix} placeholder={subnet?.endIp} />
          )}
        </SpaceBetween>
      </Container>
      <Container header={<Header variant="h2">{say("lb.eip")}</Header>}>
        <SpaceBetween size="l">
          <FormField label={say("lb.eip.which")} description={say("lb.eip.hint")}>
            <RadioGroup
              value={values.eip}
              onChange={({ detail }) => form.set("eip", detail.value === "existing" || detail.value === "new" ? detail.value : "none")}
              items={[
                { value: "none", label: say("lb.eip.without") },
                { value: "existing", label: say("lb.eip.existing") },
                { value: "new", label: say("lb.eip.new") },
              ]}
            />
          </FormField>
          {values.eip === "existing" && (
            <ChoiceField
              form={form}
              field="elasticIpId"
              label={say("lb.eip.existing")}
              loading={free.isPending}
              empty={say("lb.eip.none")}
              choices={fittingElasticIps(free.data ?? [], subnet).map((it) => ({ value: it.elasticIpId, label: it.elasticIpAddress, description: it.elasticIpId }))}
            />
          )}
          {values.eip === "new" && (
            <TextField form={form} field="bandwidthMbps" numeric label={say("lb.eip.bandwidth")} hint={say("lb.eip.bandwidth.hint")} />
          )}
          {values.eip === "none" && <Box color="text-body-secondary">{say("lb.eip.private")}</Box>}
        </SpaceBetween>
      </Container>
    </FormPage>
  );
}
