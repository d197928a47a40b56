// The fields of a new availability group, on a page of their own and over another one.

import Checkbox from "@cloudscape-design/components/checkbox";
import FormField from "@cloudscape-design/components/form-field";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";

import { everything } from "../api/pages";
import { paths } from "../app/paths";
import { useZones } from "../app/region";
import { ChoiceField, DescriptionField, NameField, TextField } from "../form/fields";
import type { Form } from "../form/useForm";
import { subnets } from "../network/api";
import { useTexts } from "../texts/texts";
import { instanceTemplates } from "./api";
import { type GroupFields, isWithin, type Within } from "./groupFields";
import { computeTexts } from "./texts";

interface Props {
  form: Form<GroupFields>;
  /** Only templates are offered whose instances are there. */
  within?: Within;
}

export function GroupFieldsForm({ form, within }: Props) {
  const say = useTexts(computeTexts);
  const zones = useZones();
  const templates = useQuery({ queryKey: ["instanceTemplates", "all"], queryFn: () => everything(instanceTemplates) });
  const blocks = useQuery({ queryKey: ["subnets", "all"], queryFn: () => everything(subnets), enabled: within !== undefined });
  const isPending = templates.isPending || (within !== undefined && blocks.isPending);
  const fitting = (templates.data ?? []).filter((template) => within === undefined || isWithin(template, within, blocks.data ?? []));
  const none = say(within === undefined ? "ag.template.none" : "ag.template.noneInVpc");
  return (
    <SpaceBetween size="l">
      <NameField form={form} field="agName" autoFocus />
      <DescriptionField form={form} field="description" />
      <ChoiceField
        form={form}
        field="templateId"
        label={say("ag.template")}
        hint={say(within === undefined ? "ag.template.hint" : "ag.template.hintInVpc")}
        constraint={
          !isPending && fitting.length === 0 ? (
            <>
              {none} <NewTabLink href={paths.createInstanceTemplate()} text={say("template.create")} />
            </>
          ) : undefined
        }
        loading={isPending}
        empty={none}
        choices={fitting.map((template) => ({
          value: template.id,
          label: template.name,
          description: `${template.instanceTemplateData.imageId} · ${template.instanceTemplateData.instanceType}`,
        }))}
      />
      <FormField label={say("ag.azs")} description={say("ag.azs.hint")} errorText={form.errorText("without")}>
        <SpaceBetween direction="horizontal" size="m">
          {zones.map((zone) => (
            <Checkbox
              key={zone}
              checked={!form.values.without.includes(zone)}
              onChange={({ detail }) =>
                form.set("without", detail.checked ? form.values.without.filter((one) => one !== zone) : [...form.values.without, zone])
              }
            >
              {zone}
            </Checkbox>
          ))}
        </SpaceBetween>
      </FormField>
      <TextField form={form} field="count" numeric label={say("ag.count")} hint={say("ag.count.hint")} />
    </SpaceBetween>
  );
}

/** To another page in a tab of its own, which begins in the same session: what is typed here stays. */
function NewTabLink({ href, text }: { href: string; text: string }) {
  const say = useTexts();
  return (
    <Link href={href} external rel="opener" externalIconAriaLabel={say("link.newTab")} fontSize="body-s">
      {text}
    </Link>
  );
}
