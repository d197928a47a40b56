// The subnets that have a network ACL.

import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Multiselect from "@cloudscape-design/components/multiselect";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { everything } from "../api/pages";
import { useMay } from "../api/session";
import { notify } from "../app/notices";
import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { FormDialog } from "../form/FormDialog";
import { useForm } from "../form/useForm";
import { ResourceTable } from "../resource/ResourceTable";
import { RowActions } from "../resource/RowActions";
import { useAction } from "../resource/useAction";
import { useTexts } from "../texts/texts";
import { associateAcl, disassociateAcl, type NetworkAcl, type Subnet, subnets } from "./api";
import { networkTexts } from "./texts";
import { useAcls } from "./useAcls";

export function AclSubnets({ acl }: { acl: NetworkAcl }) {
  const say = useTexts(networkTexts);
  const may = useMay("Operator");
  const [isAssociating, setAssociating] = useState(false);
  const { networkAclId: id } = acl;
  const letGo = useAction(
    (it: Subnet) => disassociateAcl(id, it.subnetId),
    (it) => say("acl.disassociated", { name: it.subnetName }),
  );
  const associate = may && <Button onClick={() => setAssociating(true)}>{say("acl.associate")}</Button>;
  return (
    <>
      <ResourceTable
        table="subnetsOfAcl"
        variant="container"
        title={say("subnet.title")}
        description={say("acl.subnets.description")}
        source={{ key: ["subnets", "acl", id], page: subnets }}
        fixed={[{ name: "aclId", operator: "eq", values: [id] }]}
        id={(it: Subnet) => it.subnetId}
        name={(it) => it.subnetName}
        actions={() => associate}
        start={associate}
        columns={[
          {
            id: "name",
            header: say("field.name"),
            sort: "name",
            isRowHeader: true,
            cell: (it) => <RouteLink href={paths.subnet(it.subnetId)}>{it.subnetName}</RouteLink>,
          },
          { id: "id", header: say("field.id"), cell: (it) => it.subnetId },
          { id: "block", header: say("subnet.block"), cell: (it) => it.addressPrefix },
          ...(may
            ? [
                {
                  id: "operation",
                  header: say("list.operation"),
                  cell: (it: Subnet) => (
                    <RowActions name={it.subnetName} more={[{ id: "disassociate", text: say("acl.disassociate"), act: () => letGo.run(it) }]} />
                  ),
                },
              ]
            : []),
        ]}
      />
      {isAssociating && <AssociateDialog acl={acl} onClose={() => setAssociating(false)} />}
    </>
  );
}

function AssociateDialog({ acl, onClose }: { acl: NetworkAcl; onClose: () => void }) {
  const say = useTexts(networkTexts);
  const { networkAclId: id, networkAclName: name, vpcId } = acl;
  const { nameOf } = useAcls(vpcId);
  const found = useQuery({
    queryKey: ["subnets", "vpc", vpcId],
    queryFn: () => everything(subnets, [{ name: "vpcId", operator: "eq", values: [vpcId] }]),
  });
  const form = useForm({
    initial: { subnetIds: [] as readonly string[] },
    check: ({ subnetIds }) => ({ subnetIds: subnetIds.length === 0 ? ["problem.choose"] : undefined }),
    names: { subnetIds: ["subnetIds", "subnet"] },
    send: async ({ subnetIds }) => {
      await associateAcl(id, [...subnetIds]);
      notify({ type: "success", text: say("acl.associated", { name, count: subnetIds.length }) });
      onClose();
    },
  });
  const options = (found.data ?? [])
    .filter(({ aclId }) => aclId !== id)
    .map((it) => ({
      value: it.subnetId,
      label: it.subnetName,
      description: [it.addressPrefix, it.aclId === undefined ? "" : say("acl.named", { name: nameOf(it.aclId) })].filter(Boolean).join(" · "),
    }));
  return (
    <FormDialog form={form} title={say("acl.associate.of", { name })} submitText={say("acl.associate")} onClose={onClose}>
      <FormField label={say("subnet.title")} description={say("acl.associate.hint")} errorText={form.errorText("subnetIds")}>
        <Multiselect
          options={options}
          selectedOptions={options.filter(({ value }) => form.values.subnetIds.includes(value))}
          filteringType={options.length > 8 ? "auto" : "none"}
          statusType={found.isPending ? "loading" : "finished"}
          loadingText={say("list.loading")}
          placeholder={say("acl.associate.choose")}
          empty={say("acl.associate.none")}
          deselectAriaLabel={({ label }) => `${say("action.remove")}: ${label ?? ""}`}
          onChange={({ detail }) => form.set("subnetIds", detail.selectedOptions.map(({ value }) => value ?? ""))}
        />
      </FormField>
    </FormDialog>
  );
}
