// The address of a resource by its kind and id alone: leads on to its page.

import { useQuery } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { useEffect } from "react";

import { useParameter } from "../app/parameter";
import { Missing } from "../app/Outcome";
import { paths } from "../app/paths";
import { Described } from "../resource/DescribePage";
import { placeOf } from "./places";

export function ResourcePage() {
  const kind = useParameter("resourceType");
  const id = useParameter("resourceId");
  const query = useQuery({ queryKey: ["place", kind, id], refetchInterval: false, queryFn: () => placeOf(kind, id) });
  return (
    <Described query={query} back={paths.auditRecords()}>
      {(place) => (place === null ? <Missing back={paths.auditRecords()} /> : <Onward to={place} />)}
    </Described>
  );
}

/** Takes the place of the address that led here: going back leads to where the link was. */
function Onward({ to }: { to: string }) {
  const router = useRouter();
  useEffect(() => router.history.replace(to), [router, to]);
  return null;
}
