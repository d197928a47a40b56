// All instances of the account.

import Button from "@cloudscape-design/components/button";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { everything } from "../api/pages";
import { useMay } from "../api/session";
import { paths } from "../app/paths";
import { usePlace } from "../app/place";
import { useZones } from "../app/region";
import { vpcs } from "../network/api";
import { useTexts } from "../texts/texts";
import { availabilityGroups } from "./api";
import { CreateInstanceDialog } from "./CreateInstanceDialog";
import { STATUSES } from "./instanceState";
import { InstancesTable } from "./InstancesTable";
import { computeTexts } from "./texts";

export function InstancesPage() {
  const say = useTexts(computeTexts);
  const may = useMay("Operator");
  const zones = useZones();
  const [isCreating, setCreating] = useState(false);
  const groups = useQuery({ queryKey: ["ags", "all"], queryFn: () => everything(availabilityGroups) });
  const networks = useQuery({ queryKey: ["vpcs", "all"], queryFn: () => everything(vpcs) });
  usePlace("table", [{ text: say("instance.title"), href: paths.instances() }]);
  return (
    <>
      <InstancesTable
        table="instances"
        description={say("instance.description")}
        filters={[
          { name: "name", label: say("field.name"), operators: [":", "="] },
          { name: "instanceId", label: say("field.id"), operators: ["="] },
          { name: "privateIpAddress", label: say("instance.address"), operators: ["=", ":"] },
          {
            name: "agId",
            label: say("instance.ag"),
            operators: ["="],
            options: (groups.data ?? []).map(({ id, name }) => ({ value: id, label: `${name} (${id})` })),
          },
          { name: "status", label: say("instance.state"), operators: ["="], options: STATUSES.map((value) => ({ value, label: say(`instance.${value}`) })) },
          { name: "az", label: say("instance.az"), operators: ["="], options: zones.map((value) => ({ value })) },
          {
            name: "vpcId",
            label: say("template.vpc"),
            operators: ["="],
            options: (networks.data ?? []).map(({ vpcId, vpcName }) => ({ value: vpcId, label: `${vpcName} (${vpcId})` })),
          },
          { name: "hostId", label: say("instance.host"), operators: ["="] },
        ]}
        start={may && <Button variant="primary" onClick={() => setCreating(true)}>{say("instance.create")}</Button>}
      />
      {isCreating && <CreateInstanceDialog onClose={() => setCreating(false)} />}
    </>
  );
}
