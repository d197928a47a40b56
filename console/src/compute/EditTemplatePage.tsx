// An instance template is changed, for instances to come.

import { useQuery } from "@tanstack/react-query";

import { useGo } from "../app/follow";
import { notify } from "../app/notices";
import { useParameter } from "../app/parameter";
import { paths } from "../app/paths";
import { FormPage } from "../form/FormPage";
import { useGuard } from "../form/LeaveGuard";
import { useEditor } from "../form/useEditor";
import { Described } from "../resource/DescribePage";
import { useTexts } from "../texts/texts";
import { instanceTemplate, type InstanceTemplate, updateInstanceTemplate } from "./api";
import { checkTemplate, fieldsOf, TEMPLATE_NAMES, type TemplateFields, updateSpec } from "./templateFields";
import { TemplateForm } from "./TemplateForm";
import { type ComputeKey, computeTexts } from "./texts";

export function EditTemplatePage() {
  const id = useParameter("instanceTemplateId");
  const query = useQuery({ queryKey: ["instanceTemplate", id], queryFn: () => instanceTemplate(id) });
  return <Described query={query} back={paths.instanceTemplates()}>{(it) => <Editor key={it.id} was={it} />}</Described>;
}

function Editor({ was }: { was: InstanceTemplate }) {
  const say = useTexts(computeTexts);
  const go = useGo();
  const guard = useGuard();
  const own = paths.instanceTemplate(was.id);
  const leave = () => {
    guard.release();
    go(own);
  };
  const { form, conflict } = useEditor<TemplateFields, ComputeKey>({
    initial: fieldsOf(was),
    texts: computeTexts,
    read: async () => fieldsOf(await instanceTemplate(was.id)),
    check: checkTemplate,
    names: TEMPLATE_NAMES,
    labels: {
      name: say("field.name"),
      description: say("field.description"),
      imageId: say("template.image"),
      instanceType: say("template.type"),
      vpcId: say("template.vpc"),
      subnetId: say("template.subnet"),
      securityGroupIds: say("template.groups"),
      script: say("start.script"),
      metadata: say("start.metadata"),
    },
    save: (typed) => updateInstanceTemplate(was.id, updateSpec(typed)),
    onSaved: () => {
      notify({ type: "success", text: say("save.done", { name: form.values.name }) });
      leave();
    },
    onReload: leave,
  });
  const title = say("template.edit", { name: was.name });
  return (
    <>
      <FormPage
        form={form}
        guard={guard}
        title={title}
        description={say("template.edit.hint")}
        crumbs={[
          { text: say("template.title"), href: paths.instanceTemplates() },
          { text: was.name, href: own },
          { text: say("action.edit"), href: paths.editInstanceTemplate(was.id) },
        ]}
        submitText={say("action.save")}
        cancelTo={own}
      >
        <TemplateForm form={form} was={was} />
      </FormPage>
      {conflict}
    </>
  );
}
