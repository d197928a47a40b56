// What stands in the side navigation, in its order.

import type { CommonKey } from "../texts/texts";
import { paths } from "./paths";

export interface Section {
  title: CommonKey;
  pages: readonly { title: CommonKey; href: string; operatesRegion?: boolean }[];
}

export const SECTIONS: readonly Section[] = [
  { title: "nav.balancing", pages: [{ title: "nav.loadBalancers", href: paths.loadBalancers() }] },
  {
    title: "nav.network",
    pages: [
      { title: "nav.vpcs", href: paths.vpcs() },
      { title: "nav.subnets", href: paths.subnets() },
      { title: "nav.securityGroups", href: paths.securityGroups() },
      { title: "nav.networkAcls", href: paths.networkAcls() },
      { title: "nav.elasticIps", href: paths.elasticIps() },
    ],
  },
  {
    title: "nav.compute",
    pages: [
      { title: "nav.availabilityGroups", href: paths.availabilityGroups() },
      { title: "nav.instances", href: paths.instances() },
      { title: "nav.instanceTemplates", href: paths.instanceTemplates() },
    ],
  },
  { title: "nav.region", pages: [{ title: "nav.hosts", href: paths.hosts(), operatesRegion: true }] },
  { title: "nav.observe", pages: [{ title: "nav.explain", href: paths.explain() }] },
  {
    title: "nav.administration",
    pages: [
      { title: "nav.users", href: paths.users() },
      { title: "nav.accessKeys", href: paths.accessKeys() },
      { title: "nav.accounts", href: paths.accounts(), operatesRegion: true },
      { title: "nav.auditRecords", href: paths.auditRecords() },
      { title: "nav.events", href: paths.events() },
    ],
  },
];

/** The page of the navigation that a page belongs to: the longest address that its own begins with. */
export function activePage(sections: readonly Section[], pathname: string): string {
  const belongs = sections
    .flatMap((section) => section.pages)
    .filter(({ href }) => pathname === href || pathname.startsWith(`${href}/`))
    .sort((one, other) => other.href.length - one.href.length);
  return belongs[0]?.href ?? "";
}
