// A new instance template.

import { useGo } from "../app/follow";
import { notify } from "../app/notices";
import { paths } from "../app/paths";
import { FormPage } from "../form/FormPage";
import { useGuard } from "../form/LeaveGuard";
import { useForm } from "../form/useForm";
import { useTexts } from "../texts/texts";
import { createInstanceTemplate } from "./api";
import { checkTemplate, createSpec, TEMPLATE_NAMES, type TemplateFields, USUAL_TEMPLATE } from "./templateFields";
import { TemplateForm } from "./TemplateForm";
import { type ComputeKey, computeTexts } from "./texts";

export function CreateTemplatePage() {
  const say = useTexts(computeTexts);
  const go = useGo();
  const guard = useGuard();
  const form = useForm<TemplateFields, ComputeKey>({
    initial: USUAL_TEMPLATE,
    check: checkTemplate,
    names: TEMPLATE_NAMES,
    texts: computeTexts,
    send: async (values) => {
      const id = await createInstanceTemplate(createSpec(values));
      guard.release();
      notify({ type: "success", text: say("template.created", { name: values.name }) });
      go(paths.instanceTemplate(id));
    },
  });
  const title = say("template.create");
  return (
    <FormPage
      form={form}
      guard={guard}
      title={title}
      description={say("template.description")}
      crumbs={[
        { text: say("template.title"), href: paths.instanceTemplates() },
        { text: title, href: paths.createInstanceTemplate() },
      ]}
      submitText={title}
      cancelTo={paths.instanceTemplates()}
    >
      <TemplateForm form={form} />
    </FormPage>
  );
}
