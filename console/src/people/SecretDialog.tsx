// The secret of a new access key, for as long as the dialog is open.

import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { Copyable } from "../resource/Copyable";
import { useTexts } from "../texts/texts";
import type { NewKey } from "./api";
import { peopleTexts } from "./texts";

/** A key that was made just now, and for whom. */
export interface Made extends NewKey {
  userName: string;
}

export function SecretDialog({ made, onClose }: { made: Made; onClose: () => void }) {
  const say = useTexts(peopleTexts);
  return (
    <Modal
      visible
      header={say("key.made")}
      closeAriaLabel={say("action.close")}
      onDismiss={({ detail }) => {
        // A click beside the dialog is no wish to lose what nobody shows again.
        if (detail.reason !== "overlay") onClose();
      }}
      footer={
        <Box float="right">
          <Button variant="primary" onClick={onClose}>{say("key.kept")}</Button>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <Alert type="warning" header={say("key.once")}>{say("key.once.text", { name: made.userName })}</Alert>
        <KeyValuePairs
          items={[
            { label: say("key.id"), value: <Copyable text={made.accessKeyId} /> },
            { label: say("key.secret"), value: <Copyable text={made.secretKey} /> },
          ]}
        />
      </SpaceBetween>
    </Modal>
  );
}
