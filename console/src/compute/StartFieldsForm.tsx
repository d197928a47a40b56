// What runs when an instance starts, and what it can read of itself.

import AttributeEditor from "@cloudscape-design/components/attribute-editor";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";

import type { Form } from "../form/useForm";
import { useTexts } from "../texts/texts";
import type { Pair, StartFields } from "./startFields";
import { computeTexts } from "./texts";

const EXAMPLE = "#!/bin/sh";

interface Props {
  form: Form<StartFields>;
  /** When what is typed takes effect. */
  hint: string;
}

export function StartFieldsForm({ form, hint }: Props) {
  const say = useTexts(computeTexts);
  const { metadata, script } = form.values;
  const change = (place: number, pair: Pair) => form.set("metadata", metadata.map((one, at) => (at === place ? pair : one)));
  const field = (kind: keyof Pair, label: string) => ({
    label,
    control: (pair: Pair, place: number) => (
      <Input
        value={pair[kind]}
        ariaLabel={`${label} ${place + 1}`}
        onChange={({ detail }) => change(place, { ...pair, [kind]: detail.value })}
        onBlur={() => form.leave("metadata")}
      />
    ),
  });
  return (
    <SpaceBetween size="l">
      <FormField label={<>{say("start.script")} <i>- {say("field.optional")}</i></>} description={hint} errorText={form.errorText("script")} stretch>
        <Textarea
          value={script}
          rows={6}
          spellcheck={false}
          placeholder={EXAMPLE}
          onChange={({ detail }) => form.set("script", detail.value)}
          onBlur={() => form.leave("script")}
        />
      </FormField>
      <FormField
        label={<>{say("start.metadata")} <i>- {say("field.optional")}</i></>}
        description={say("start.metadata.hint")}
        errorText={form.errorText("metadata")}
        stretch
      >
        <AttributeEditor
          items={metadata}
          definition={[field("key", say("start.key")), field("value", say("start.value"))]}
          addButtonText={say("start.metadata.add")}
          removeButtonText={say("action.remove")}
          removeButtonAriaLabel={({ key }) => `${say("action.remove")}: ${key}`}
          empty={say("start.metadata.none")}
          onAddButtonClick={() => form.set("metadata", [...metadata, { key: "", value: "" }])}
          onRemoveButtonClick={({ detail }) => form.set("metadata", metadata.filter((_, at) => at !== detail.itemIndex))}
        />
      </FormField>
    </SpaceBetween>
  );
}
