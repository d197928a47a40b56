// A page with one form.

import Button from "@cloudscape-design/components/button";
import CloudscapeForm from "@cloudscape-design/components/form";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";

import { type Role, useMay } from "../api/session";
import { useGo } from "../app/follow";
import { Refusal, RoleMissing } from "../app/Outcome";
import { type Crumb, usePlace } from "../app/place";
import { useTexts } from "../texts/texts";
import { type Guard, LeaveGuard } from "./LeaveGuard";
import type { Form } from "./useForm";

interface Props<Fields extends object> {
  form: Form<Fields>;
  guard: Guard;
  title: string;
  description?: ReactNode;
  crumbs: readonly Crumb[];
  submitText: string;
  cancelTo: string;
  /** The role that the change takes. */
  takes?: Role;
  children: ReactNode;
}

export function FormPage<Fields extends object>({ form, guard, title, description, crumbs, submitText, cancelTo, takes = "Operator", children }: Props<Fields>) {
  const say = useTexts();
  const go = useGo();
  const may = useMay(takes);
  usePlace("form", crumbs);
  // Who loses the role while typing is refused, and keeps what was typed.
  if (!may && !form.isEdited) return <RoleMissing takes={takes} back={cancelTo} />;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        form.submit();
      }}
    >
      <LeaveGuard isEdited={form.isEdited} guard={guard} />
      <CloudscapeForm
        header={<Header variant="h1" description={description}>{title}</Header>}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button formAction="none" variant="link" onClick={() => go(cancelTo)}>{say("action.cancel")}</Button>
            <Button formAction="submit" variant="primary" loading={form.isBusy}>{submitText}</Button>
          </SpaceBetween>
        }
      >
        <SpaceBetween size="l">
          {children}
          <Refusal error={form.refusal} />
        </SpaceBetween>
      </CloudscapeForm>
    </form>
  );
}
