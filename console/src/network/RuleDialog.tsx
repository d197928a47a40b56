// A rule to add or to change, of a security group or of a network ACL.

import SpaceBetween from "@cloudscape-design/components/space-between";

import { notify } from "../app/notices";
import { ChoiceField, DescriptionField, TextField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { useEditor } from "../form/useEditor";
import { type Form, useForm } from "../form/useForm";
import { useTexts } from "../texts/texts";
import { checkRule, type Direction, fieldsOf, hasPorts, type Preset, PRESETS, PROTOCOLS, type Rule, RULE_NAMES, type RuleFields, usualRule } from "./rules";
import type { RuleSet } from "./ruleSets";
import { type NetworkKey, networkTexts } from "./texts";

function Fields({ form, set, direction }: { form: Form<RuleFields>; set: RuleSet; direction: Direction }) {
  const say = useTexts(networkTexts);
  return (
    <SpaceBetween size="m">
      {set.isOrdered && (
        <>
          <TextField form={form} field="priority" numeric label={say("rule.priority")} hint={say("rule.priority.hint")} />
          <ChoiceField
            form={form}
            field="action"
            label={say("rule.action")}
            choices={(["allow", "deny"] as const).map((action) => ({ value: action, label: say(`rule.action.${action}`) }))}
          />
        </>
      )}
      <ChoiceField
        form={form}
        field="protocol"
        label={say("rule.protocol")}
        choices={PROTOCOLS.map((protocol) => ({ value: protocol, label: say(`rule.protocol.${protocol}`) }))}
      />
      {hasPorts(form.values.protocol) && (
        <TextField form={form} field="ports" label={say("rule.ports")} hint={say("rule.ports.hint")} placeholder="8000-8100" />
      )}
      <TextField form={form} field="addressPrefix" label={say(`rule.peer.${direction}`)} hint={say("rule.peer.hint")} />
      <DescriptionField form={form} field="description" />
    </SpaceBetween>
  );
}

interface AddFields extends RuleFields {
  preset: Preset | "";
}

const EVERY_PRESET = Object.keys(PRESETS) as Preset[];

interface AddProps {
  set: RuleSet;
  direction: Direction;
  /** Those that there are, of this direction. */
  beside: readonly Rule[];
  onClose: () => void;
}

export function AddRuleDialog({ set, direction, beside, onClose }: AddProps) {
  const say = useTexts(networkTexts);
  const form = useForm<AddFields, NetworkKey>({
    initial: { ...usualRule(beside), preset: "" },
    texts: networkTexts,
    check: (values) => checkRule(values, set.isOrdered ? beside : null),
    names: { ...RULE_NAMES, preset: [] },
    send: async (values) => {
      await set.add(values, direction);
      notify({ type: "success", text: say("rule.added", { name: set.name }) });
      onClose();
    },
  });
  const choices = EVERY_PRESET.map((preset) => ({ value: preset, label: say(`rule.preset.${preset}`) }));

  function fill(preset: Preset) {
    const { protocol, ports, addressPrefix } = PRESETS[preset];
    if (protocol !== undefined) form.set("protocol", protocol);
    if (ports !== undefined) form.set("ports", ports);
    if (addressPrefix !== undefined) form.set("addressPrefix", addressPrefix);
    // What was typed stays.
    if (["", ...choices.map(({ label }) => label)].includes(form.values.description)) form.set("description", say(`rule.preset.${preset}`));
  }

  return (
    <FormDialog form={form} title={say(`rule.add.${direction}`)} submitText={say("action.add")} onClose={onClose}>
      <ChoiceField
        form={{ ...form, set: (field, value) => {
          form.set(field, value);
          if (field === "preset") fill(value as Preset);
        } }}
        field="preset"
        label={say("rule.preset")}
        hint={say("rule.preset.hint")}
        placeholder={say("rule.preset.none")}
        choices={choices}
      />
      <Fields form={form} set={set} direction={direction} />
    </FormDialog>
  );
}

export function EditRuleDialog({ set, was, beside, onClose }: { set: RuleSet; was: Rule; beside: readonly Rule[]; onClose: () => void }) {
  const say = useTexts(networkTexts);
  const others = beside.filter(({ ruleId }) => ruleId !== was.ruleId);
  const { form, conflict } = useEditor<RuleFields, NetworkKey>({
    initial: fieldsOf(was),
    texts: networkTexts,
    read: async () => fieldsOf(await set.rule(was.ruleId)),
    check: (values) => {
      const problems = checkRule(values, set.isOrdered ? others : null);
      // Whoever changes something else of it need not change a priority that two have already.
      return values.priority === String(was.priority) ? { ...problems, priority: undefined } : problems;
    },
    names: RULE_NAMES,
    labels: {
      protocol: say("rule.protocol"),
      ports: say("rule.ports"),
      addressPrefix: say(`rule.peer.${was.direction}`),
      description: say("field.description"),
      priority: say("rule.priority"),
      action: say("rule.action"),
    },
    save: (typed, values) => set.change(was.ruleId, typed, values),
    onSaved: () => {
      notify({ type: "success", text: say("rule.saved", { name: set.name }) });
      onClose();
    },
    onReload: onClose,
  });
  return (
    <>
      <FormDialog form={form} title={say("rule.edit")} submitText={say("action.save")} onClose={onClose}>
        <Fields form={form} set={set} direction={was.direction} />
      </FormDialog>
      {conflict}
    </>
  );
}
