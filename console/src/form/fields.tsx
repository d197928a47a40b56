// Fields of forms, bound to a form's state.

import FormField, { type FormFieldProps } from "@cloudscape-design/components/form-field";
import Input, { type InputProps } from "@cloudscape-design/components/input";
import Select, { type SelectProps } from "@cloudscape-design/components/select";
import Textarea from "@cloudscape-design/components/textarea";
import Toggle from "@cloudscape-design/components/toggle";
import type { ReactNode } from "react";

import { useTexts } from "../texts/texts";
import type { Form } from "./useForm";

/** Names of the fields that have a value of a kind. */
type FieldsOf<Fields, Kind> = { [Field in keyof Fields]: Fields[Field] extends Kind ? Field : never }[keyof Fields] & string;

interface Common {
  label: string;
  hint?: ReactNode;
  constraint?: ReactNode;
  info?: ReactNode;
  secondary?: ReactNode;
}

function around({ label, hint, constraint, info, secondary }: Common): FormFieldProps {
  return { label, description: hint, constraintText: constraint, info, secondaryControl: secondary };
}

export function TextField<Fields extends object>({
  form,
  field,
  ...props
}: Common & {
  form: Form<Fields>;
  field: FieldsOf<Fields, string>;
  placeholder?: string;
  numeric?: boolean;
  readOnly?: boolean;
  autoFocus?: boolean;
  type?: InputProps["type"];
  autoComplete?: InputProps["autoComplete"];
}) {
  return (
    <FormField {...around(props)} errorText={form.errorText(field)}>
      <Input
        value={form.values[field] as string}
        onChange={({ detail }) => form.set(field, detail.value as Fields[typeof field])}
        onBlur={() => form.leave(field)}
        placeholder={props.placeholder}
        inputMode={props.numeric === true ? "numeric" : undefined}
        readOnly={props.readOnly ?? false}
        autoFocus={props.autoFocus ?? false}
        type={props.type ?? "text"}
        autoComplete={props.autoComplete ?? false}
      />
    </FormField>
  );
}

export function NameField<Fields extends object>({ form, field, autoFocus = false }: { form: Form<Fields>; field: FieldsOf<Fields, string>; autoFocus?: boolean }) {
  const say = useTexts();
  return <TextField form={form} field={field} label={say("field.name")} constraint={say("field.name.hint")} autoFocus={autoFocus} />;
}

export function DescriptionField<Fields extends object>({ form, field }: { form: Form<Fields>; field: FieldsOf<Fields, string> }) {
  const say = useTexts();
  return (
    <FormField
      label={<>{say("field.description")} <i>- {say("field.optional")}</i></>}
      constraintText={say("field.description.hint")}
      errorText={form.errorText(field)}
    >
      <Textarea
        value={form.values[field] as string}
        rows={2}
        onChange={({ detail }) => form.set(field, detail.value as Fields[typeof field])}
        onBlur={() => form.leave(field)}
      />
    </FormField>
  );
}

export interface Choice {
  value: string;
  label: string;
  description?: string;
  tags?: string[];
  disabled?: boolean;
  disabledReason?: string;
}

export function ChoiceField<Fields extends object>({
  form,
  field,
  choices,
  loading = false,
  placeholder,
  empty,
  ...props
}: Common & {
  form: Form<Fields>;
  field: FieldsOf<Fields, string>;
  choices: readonly Choice[];
  loading?: boolean;
  placeholder?: string;
  empty?: ReactNode;
}) {
  const say = useTexts();
  const selected: SelectProps.Option | null = choices.find((choice) => choice.value === form.values[field]) ?? null;
  return (
    <FormField {...around(props)} errorText={form.errorText(field)}>
      <Select
        selectedOption={selected}
        options={choices as SelectProps.Options}
        filteringType={choices.length > 8 ? "auto" : "none"}
        statusType={loading ? "loading" : "finished"}
        loadingText={say("list.loading")}
        placeholder={placeholder ?? say("problem.choose")}
        empty={empty ?? say("list.empty")}
        onChange={({ detail }) => form.set(field, (detail.selectedOption.value ?? "") as Fields[typeof field])}
        onBlur={() => form.leave(field)}
      />
    </FormField>
  );
}

export function SwitchField<Fields extends object>({
  form,
  field,
  label,
  hint,
  text,
}: {
  form: Form<Fields>;
  field: FieldsOf<Fields, boolean>;
  label: string;
  hint?: ReactNode;
  text?: string;
}) {
  const say = useTexts();
  const isOn = form.values[field] as boolean;
  return (
    <FormField label={label} description={hint} errorText={form.errorText(field)}>
      <Toggle checked={isOn} onChange={({ detail }) => form.set(field, detail.checked as Fields[typeof field])}>
        {text ?? say(isOn ? "field.on" : "field.off")}
      </Toggle>
    </FormField>
  );
}
