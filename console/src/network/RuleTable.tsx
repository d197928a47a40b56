// Rules of a security group or of a network ACL, one way.

import Button from "@cloudscape-design/components/button";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useState } from "react";

import { useBasics } from "../resource/basics";
import { ResourceTable, wholeList } from "../resource/ResourceTable";
import { useMoment, useTexts } from "../texts/texts";
import { AddRuleDialog, EditRuleDialog } from "./RuleDialog";
import { type Direction, hasPorts, isEveryPort, portsText, type Rule } from "./rules";
import type { RuleSet } from "./ruleSets";
import { networkTexts } from "./texts";

interface Props {
  set: RuleSet;
  direction: Direction;
  /** As the page has them: those of this direction. */
  rules: readonly Rule[];
}

export function RuleTable({ set, direction, rules }: Props) {
  const say = useTexts(networkTexts);
  const moment = useMoment();
  const [isAdding, setAdding] = useState(false);

  const ports = (it: Rule) => (isEveryPort(it) && hasPorts(it.protocol) ? say("rule.ports.every") : portsText(it));
  const what = (it: Rule) => [say(`rule.protocol.${it.protocol}`), ports(it)].filter(Boolean).join(" ");
  const name = (it: Rule) => [it.priority, what(it), it.addressPrefix].filter((part) => part !== undefined).join(" · ");

  const { may, operation, dialogs } = useBasics<Rule>({
    what: say("rule.kind"),
    id: (it) => it.ruleId,
    name,
    editor: (it, onClose) => <EditRuleDialog key={it.ruleId} set={set} was={it} beside={rules} onClose={onClose} />,
    consequence: () => say("rule.delete.text"),
    remove: set.remove,
  });
  const add = may && <Button onClick={() => setAdding(true)}>{say("rule.add")}</Button>;
  return (
    <>
      <ResourceTable
        table={set.isOrdered ? "rulesOfAcl" : "rulesOfGroup"}
        variant="container"
        title={say(`rule.title.${direction}`)}
        description={say(set.isOrdered ? `rule.ofAcl.${direction}` : `rule.ofGroup.${direction}`)}
        source={wholeList(
          ["rules", set.id, direction],
          async () => (await set.rules()).filter((it) => it.direction === direction),
          (it: Rule, { values }) => values.some((text) => `${name(it)} ${it.description}`.toLowerCase().includes(text.toLowerCase())),
        )}
        nameFilter="text"
        id={(it: Rule) => it.ruleId}
        name={name}
        actions={() => add}
        start={add}
        columns={[
          ...(set.isOrdered
            ? [
                { id: "priority", header: say("rule.priority"), isRowHeader: true, cell: (it: Rule) => it.priority },
                {
                  id: "action",
                  header: say("rule.action"),
                  cell: (it: Rule) => (
                    <StatusIndicator type={it.action === "deny" ? "stopped" : "success"}>{say(`rule.action.${it.action ?? "allow"}`)}</StatusIndicator>
                  ),
                },
              ]
            : []),
          { id: "protocol", header: say("rule.protocol"), isRowHeader: !set.isOrdered, cell: (it) => say(`rule.protocol.${it.protocol}`) },
          { id: "ports", header: say("rule.ports"), cell: (it) => ports(it) || say("field.none") },
          { id: "peer", header: say(`rule.peer.${direction}`), cell: (it) => it.addressPrefix },
          { id: "description", header: say("field.description"), cell: (it) => it.description },
          { id: "created", header: say("field.created"), isExtra: true, cell: (it) => moment(it.createdTime) },
          { id: "id", header: say("field.id"), isExtra: true, cell: (it) => it.ruleId },
          ...operation,
        ]}
      />
      {isAdding && <AddRuleDialog set={set} direction={direction} beside={rules} onClose={() => setAdding(false)} />}
      {dialogs}
    </>
  );
}
