// All load balancers of the account: filtered and paged by the server.

import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import Pagination from "@cloudscape-design/components/pagination";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import TextFilter from "@cloudscape-design/components/text-filter";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { api, result } from "../api/client";
import { may } from "../api/session";
import { regionId } from "../app/settings";
import { useTexts } from "../texts";

const PAGE = 20;

function useLoadBalancers(page: number, name: string) {
  return useQuery({
    queryKey: ["loadBalancers", page, name],
    placeholderData: keepPreviousData,
    refetchInterval: 5_000,
    queryFn: async () =>
      result(
        await api.lb.GET("/v1/regions/{regionId}/loadBalancers", {
          params: {
            path: { regionId: regionId() },
            query: {
              pageNumber: page,
              pageSize: PAGE,
              "filters.1.name": "loadBalancerType",
              "filters.1.values.1": "dnlb",
              ...(name === ""
                ? {}
                : { "filters.2.name": "loadBalancerNames", "filters.2.operator": "like", "filters.2.values.1": name }),
            },
          },
        }),
      ),
  });
}

export function ListPage() {
  const { say } = useTexts();
  const [page, setPage] = useState(1);
  const [name, setName] = useState("");
  const { data, isFetching, isPending, refetch } = useLoadBalancers(page, name);
  const total = data?.totalCount ?? 0;
  return (
    <Table
      variant="full-page"
      loading={isPending}
      items={data?.loadBalancers ?? []}
      trackBy="loadBalancerId"
      empty={say(name === "" ? "list.empty" : "list.noMatch")}
      header={
        <Header
          variant="awsui-h1-sticky"
          counter={`(${total})`}
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button iconName="refresh" ariaLabel={say("list.refresh")} loading={isFetching} onClick={() => void refetch()} />
              {may("Operator") && <Button variant="primary">{say("lb.create")}</Button>}
            </SpaceBetween>
          }
        >
          {say("nav.loadBalancers")}
        </Header>
      }
      filter={
        <TextFilter
          filteringText={name}
          filteringPlaceholder={say("list.filter")}
          filteringAriaLabel={say("list.filter")}
          onDelayedChange={() => setPage(1)}
          onChange={({ detail }) => setName(detail.filteringText)}
        />
      }
      pagination={
        <Pagination
          currentPageIndex={page}
          pagesCount={Math.max(1, Math.ceil(total / PAGE))}
          onChange={({ detail }) => setPage(detail.currentPageIndex)}
        />
      }
      columnDefinitions={[
        { id: "name", header: say("lb.name"), cell: (it) => <Link href={`#/load-balancers/${it.loadBalancerId}`}>{it.loadBalancerName}</Link>, isRowHeader: true },
        { id: "id", header: say("lb.id"), cell: (it) => it.loadBalancerId },
        { id: "vip", header: say("lb.vip"), cell: (it) => it.privateIp.privateIpAddress },
        { id: "eip", header: say("lb.eip"), cell: (it) => it.privateIp.elasticIpAddress || "–" },
        {
          id: "state",
          header: say("lb.state"),
          cell: (it) => <StatusIndicator type={it.state.code === "ACTIVE" ? "success" : "pending"}>{it.state.code}</StatusIndicator>,
        },
        ...(may("Operator")
          ? [
              {
                id: "operation",
                header: say("lb.operation"),
                cell: (it: { loadBalancerId: string; loadBalancerName: string; privateIp: { elasticIpId?: string } }) => (
                  <SpaceBetween direction="horizontal" size="xs">
                    <Link href={`#/load-balancers/${it.loadBalancerId}/listeners`}>{say("lb.addListening")}</Link>
                    <ButtonDropdown
                      variant="inline-icon"
                      ariaLabel={`${say("lb.more")}: ${it.loadBalancerName}`}
                      items={[
                        it.privateIp.elasticIpId
                          ? { id: "disassociate", text: say("lb.disassociate") }
                          : { id: "associate", text: say("lb.associate") },
                        { id: "delete", text: say("lb.delete") },
                      ]}
                    />
                  </SpaceBetween>
                ),
              },
            ]
          : []),
      ]}
    />
  );
}
