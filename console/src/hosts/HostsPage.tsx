// The hosts of the region: whether they are heard of, and whether they show the region as it is.

import { useQuery } from "@tanstack/react-query";

import { paths } from "../app/paths";
import { Described, DescribePage } from "../resource/DescribePage";
import { useTexts } from "../texts/texts";
import { type Host, hosts } from "./api";
import { HostList } from "./HostList";
import { HostMap } from "./HostMap";
import { countOf } from "./hostState";
import { hostTexts } from "./texts";

export function HostsPage() {
  const query = useQuery({ queryKey: ["hosts"], queryFn: hosts });
  return <Described query={query} back={paths.loadBalancers()}>{(all) => <All hosts={all} />}</Described>;
}

function All({ hosts: all }: { hosts: readonly Host[] }) {
  const say = useTexts(hostTexts);
  const count = countOf(all);
  const [first] = all;
  return (
    <DescribePage
      title={say("host.title")}
      description={say("host.description")}
      crumbs={[{ text: say("host.title"), href: paths.hosts() }]}
      factsTitle={say("host.region")}
      facts={[
        { label: say("host.up"), value: say("host.up.of", count) },
        { label: say("host.current"), value: say("host.current.of", count) },
        { label: say("host.generation.region"), value: first?.wantedRevision },
        { label: say("host.instances"), value: all.reduce((sum, { instanceCount }) => sum + instanceCount, 0) },
      ]}
      tabs={[
        { id: "map", label: say("host.map"), content: <HostMap hosts={all} /> },
        { id: "list", label: say("host.list"), content: <HostList /> },
      ]}
    />
  );
}
