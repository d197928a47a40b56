// A form over a page.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal, { type ModalProps } from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type ReactNode, useId } from "react";

import { Refusal } from "../app/Outcome";
import { useTexts } from "../texts/texts";
import type { Form } from "./useForm";

interface Props<Fields extends object> {
  form: Form<Fields>;
  title: string;
  submitText: string;
  size?: ModalProps.Size;
  onClose: () => void;
  children: ReactNode;
}

export function FormDialog<Fields extends object>({ form, title, submitText, size = "medium", onClose, children }: Props<Fields>) {
  const say = useTexts();
  const id = useId();
  return (
    <Modal
      visible
      size={size}
      header={title}
      closeAriaLabel={say("action.close")}
      onDismiss={({ detail }) => {
        // A click beside the dialog is no wish to lose what was typed.
        if (detail.reason !== "overlay" || !form.isEdited) onClose();
      }}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>{say("action.cancel")}</Button>
            <Button variant="primary" form={id} formAction="submit" loading={form.isBusy}>{submitText}</Button>
          </SpaceBetween>
        </Box>
      }
    >
      <form
        id={id}
        onSubmit={(event) => {
          event.preventDefault();
          // React passes events on along components: a dialog over a form's page must not send that form, too.
          event.stopPropagation();
          form.submit();
        }}
      >
        <SpaceBetween size="m">
          {children}
          <Refusal error={form.refusal} />
        </SpaceBetween>
      </form>
    </Modal>
  );
}
