// A page about a load balancer, or about something that belongs to it.

import { type UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { paths } from "../app/paths";
import { Described } from "../resource/DescribePage";
import type { LoadBalancer } from "./api";
import { useBalancer } from "./useBalancer";

/** What is shown once the load balancer of the page's address is known. */
export function OfBalancer({ children }: { children: (balancer: LoadBalancer) => ReactNode }) {
  return <Described query={useBalancer()} back={paths.loadBalancers()}>{children}</Described>;
}

/** What is shown once something of it is known, too; `back` is where that is listed. */
export function PartOfBalancer<T>({ query, back, children }: { query: UseQueryResult<T>; back: string; children: (it: T, balancer: LoadBalancer) => ReactNode }) {
  return <OfBalancer>{(balancer) => <Described query={query} back={back}>{(it: T) => children(it, balancer)}</Described>}</OfBalancer>;
}
