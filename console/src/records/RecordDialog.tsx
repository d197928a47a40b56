// One record of a change: who, by what, from where, and every field that differs.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";

import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { Copyable } from "../resource/Copyable";
import { useMoment, useTexts } from "../texts/texts";
import type { AuditRecord, ChangedResource } from "./api";
import { counted, type FieldChange, fieldChanges, lengthOfOmitted, outcomeOf } from "./changes";
import { OutcomeStatus } from "./OutcomeStatus";
import { ResourceLink } from "./ResourceLink";
import { recordTexts } from "./texts";
import { useTypeName } from "./useTypeName";

export function RecordDialog({ record, onClose }: { record: AuditRecord; onClose: () => void }) {
  const say = useTexts(recordTexts);
  const moment = useMoment();
  return (
    <Modal
      visible
      size="large"
      header={say("audit.record", { operation: record.operation })}
      closeAriaLabel={say("action.close")}
      onDismiss={onClose}
      footer={
        <Box float="right">
          <Button onClick={onClose}>{say("action.close")}</Button>
        </Box>
      }
    >
      <SpaceBetween size="l">
        <KeyValuePairs
          columns={2}
          items={[
            { label: say("record.time"), value: moment(record.time) },
            { label: say("audit.user"), value: <RouteLink href={paths.user(record.userId)}>{record.userName}</RouteLink> },
            { label: say("audit.means"), value: record.means === "session" ? say("audit.session") : <Copyable text={record.means} /> },
            { label: say("audit.source"), value: record.sourceAddress },
            { label: say("audit.operation"), value: `${record.service}.${record.operation}` },
            { label: say("audit.request"), value: <Copyable text={record.requestId} /> },
          ]}
        />
        {record.changes.map((change) => (
          <Change key={`${change.resourceType} ${change.resourceId}`} change={change} />
        ))}
      </SpaceBetween>
    </Modal>
  );
}

function Change({ change }: { change: ChangedResource }) {
  const say = useTexts(recordTexts);
  const typeName = useTypeName();
  const omitted = lengthOfOmitted(change);
  const outcome = outcomeOf(change);
  const text = (value: string | undefined) => <Box variant="code">{value ?? say("field.none")}</Box>;
  return (
    <SpaceBetween size="xs">
      <Header variant="h3" info={<OutcomeStatus counts={counted([change])} />}>
        {typeName(change.resourceType)}{" "}
        <ResourceLink kind={change.resourceType} id={change.resourceId} isGone={outcome === "deleted"} />
      </Header>
      {omitted === null ? (
        <Table
          variant="embedded"
          wrapLines
          items={fieldChanges(change)}
          trackBy="field"
          ariaLabels={{ tableLabel: change.resourceId }}
          columnDefinitions={[
            { id: "field", header: say("change.field"), isRowHeader: true, cell: ({ field }) => field },
            ...(outcome === "created" ? [] : [{ id: "before", header: say("change.before"), cell: ({ before }: FieldChange) => text(before) }]),
            ...(outcome === "deleted" ? [] : [{ id: "after", header: say("change.after"), cell: ({ after }: FieldChange) => text(after) }]),
          ]}
        />
      ) : (
        <Box>{say("change.omitted", { bytes: omitted })}</Box>
      )}
    </SpaceBetween>
  );
}
