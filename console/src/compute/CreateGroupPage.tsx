// A new availability group with its first instances.

import Container from "@cloudscape-design/components/container";

import { useGo } from "../app/follow";
import { notify } from "../app/notices";
import { paths } from "../app/paths";
import { useZones } from "../app/region";
import { FormPage } from "../form/FormPage";
import { useGuard } from "../form/LeaveGuard";
import { useForm } from "../form/useForm";
import { useTexts } from "../texts/texts";
import { checkGroup, GROUP_NAMES, type GroupFields, sizeOf, USUAL_GROUP } from "./groupFields";
import { GroupFieldsForm } from "./GroupFieldsForm";
import { makeGroup } from "./groups";
import { type ComputeKey, computeTexts } from "./texts";

export function CreateGroupPage() {
  const say = useTexts(computeTexts);
  const go = useGo();
  const guard = useGuard();
  const zones = useZones();
  const form = useForm<GroupFields, ComputeKey>({
    initial: USUAL_GROUP,
    texts: computeTexts,
    check: (values) => checkGroup(values, zones),
    names: GROUP_NAMES,
    send: async (values) => {
      const agId = await makeGroup(values, zones);
      guard.release();
      notify({ type: "success", text: say("ag.created", { name: values.agName, count: sizeOf(values) }) });
      go(paths.availabilityGroup(agId));
    },
  });
  const title = say("ag.create");
  return (
    <FormPage
      form={form}
      guard={guard}
      title={title}
      description={say("ag.description")}
      crumbs={[
        { text: say("ag.title"), href: paths.availabilityGroups() },
        { text: title, href: paths.createAvailabilityGroup() },
      ]}
      submitText={title}
      cancelTo={paths.availabilityGroups()}
    >
      <Container>
        <GroupFieldsForm form={form} />
      </Container>
    </FormPage>
  );
}
