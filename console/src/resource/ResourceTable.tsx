// A list of resources that the server filters and pages; every list of the console is one.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import CollectionPreferences from "@cloudscape-design/components/collection-preferences";
import Grid from "@cloudscape-design/components/grid";
import Header from "@cloudscape-design/components/header";
import Pagination from "@cloudscape-design/components/pagination";
import PropertyFilter, { type PropertyFilterProps } from "@cloudscape-design/components/property-filter";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";

import { type Filter, type Page, pageOf, type PageRequest, type Sort, type SortBy } from "../api/pages";
import { Refusal } from "../app/Outcome";
import { useTexts } from "../texts/texts";
import { filtersOf, tokensOf } from "./filterTokens";
import { PAGE_SIZES, storedPreferences, storePreferences } from "./tablePreferences";

export interface Column<Item> {
  id: string;
  header: string;
  cell: (item: Item) => ReactNode;
  /** Names the row, for those who hear it. */
  isRowHeader?: boolean;
  /** Shown only when the user asks for it. */
  isExtra?: boolean;
  minWidth?: number;
  width?: number;
  /** What the API sorts by for it. */
  sort?: SortBy;
}

export interface FilterChoice<Name extends string> {
  name: Name;
  label: string;
  /** `:` looks for a part, `=` for the whole. */
  operators: readonly (":" | "=")[];
  /** What the filter may be set to, if that is known. */
  options?: readonly { value: string; label?: string }[];
}

export interface Source<Item, Name extends string> {
  /** Names the list among all that was read. */
  key: readonly unknown[];
  page: (request: PageRequest<Name>) => Promise<Page<Item>>;
}

/** A list that the API gives whole: filtered and paged here. */
export function wholeList<Item, Name extends string>(
  key: readonly unknown[],
  all: () => Promise<readonly Item[]>,
  lets: (item: Item, filter: Filter<Name>) => boolean = () => true,
): Source<Item, Name> {
  return {
    key,
    page: async (request) => {
      const items = await all();
      return pageOf(items.filter((item) => request.filters.every((filter) => lets(item, filter))), request);
    },
  };
}

interface Props<Item, Name extends string> {
  /** Under which name the user's preferences are kept. */
  table: string;
  title: string;
  description?: ReactNode;
  source: Source<Item, Name>;
  /** Filters that the page itself sets. */
  fixed?: readonly Filter<Name>[];
  filters?: readonly FilterChoice<Name>[];
  /** Which filter takes text without a property, as it may depend on the text; without it, a property has to be chosen. */
  nameFilter?: Name | ((text: string) => Name);
  /** What to filter by at first, in the place of what the user filtered by before: for links that lead to a part of the list. */
  asked?: readonly Filter<Name>[];
  /** What to type into the filter, where that is not obvious. */
  filterHint?: string;
  /** A control beside the filter, such as for times, which no filter of the API is about. */
  beside?: ReactNode;
  columns: readonly Column<Item>[];
  id: (item: Item) => string;
  name: (item: Item) => string;
  variant?: "full-page" | "container" | "borderless";
  selection?: "single" | "multi";
  /** Buttons above the list, for what is selected. */
  actions?: (selected: readonly Item[]) => ReactNode;
  /** What to do where there is nothing yet. */
  start?: ReactNode;
}

const USUAL_PAGE = 20;
/** As the API gives lists that it is not asked to sort. */
const USUAL_SORT: Sort = { by: "createdTime", descending: false };
const NO_QUERY: PropertyFilterProps.Query = { tokens: [], operation: "and" };

/** What a list was filtered by, for when the user comes back to it. */
const remembered = new Map<string, PropertyFilterProps.Query>();

export function ResourceTable<Item, Name extends string>(props: Props<Item, Name>) {
  const { table, title, description, source, fixed = [], filters = [], nameFilter, columns, id, name, selection, start } = props;
  const { asked, filterHint, beside, variant = "full-page" } = props;
  const say = useTexts();
  const known = columns.map((column) => column.id);
  const usual = { pageSize: USUAL_PAGE, columns: columns.filter((column) => column.isExtra !== true).map((column) => column.id), wraps: false };
  const [preferences, setPreferences] = useState(() => storedPreferences(table, usual, known));
  const memory = [table, ...source.key].join("/");
  const [query, setQuery] = useState(() => (asked === undefined ? remembered.get(memory) : { ...NO_QUERY, tokens: tokensOf(asked) }) ?? NO_QUERY);
  const [sort, setSort] = useState(USUAL_SORT);
  const [pageNumber, setPageNumber] = useState(1);
  const [selectedIds, setSelectedIds] = useState<readonly string[]>([]);

  const typed = filtersOf(query.tokens, nameFilter);
  const canSort = columns.some((column) => column.sort !== undefined);
  const request: PageRequest<Name> = {
    pageNumber,
    pageSize: preferences.pageSize,
    filters: [...fixed, ...typed],
    ...(canSort ? { sort } : {}),
  };
  const { data, error, isFetching, isPending, refetch } = useQuery({
    queryKey: [...source.key, request],
    queryFn: () => source.page(request),
    placeholderData: keepPreviousData,
  });

  const items = data?.items ?? [];
  const total = data?.total ?? 0;
  const hasMore = data?.hasMore ?? false;
  const count = hasMore ? `${total}+` : String(total);
  const pages = Math.max(1, Math.ceil(total / preferences.pageSize));
  // What was selected is what it is now, not what it was then.
  const selected = items.filter((item) => selectedIds.includes(id(item)));
  const isFiltered = query.tokens.length > 0;

  function ask(next: PropertyFilterProps.Query) {
    remembered.set(memory, next);
    setQuery(next);
    setPageNumber(1);
  }

  const definitions: TableProps.ColumnDefinition<Item>[] = columns.map((column) => ({
    id: column.id,
    header: column.header,
    cell: column.cell,
    isRowHeader: column.isRowHeader ?? false,
    ...(column.sort === undefined ? {} : { sortingField: column.sort }),
    ...(column.minWidth === undefined ? {} : { minWidth: column.minWidth }),
    ...(column.width === undefined ? {} : { width: column.width }),
  }));

  const hasFilter = nameFilter !== undefined || filters.length > 0;
  const filter = (
    <PropertyFilter
      query={query}
      onChange={({ detail }) => ask(detail)}
      hideOperations
      filteringPlaceholder={filterHint ?? say("list.filter")}
      filteringAriaLabel={say("list.filter")}
      countText={isFiltered && !isPending ? say("list.matches", { count }) : ""}
      filteringProperties={filters.map((filter) => ({
        key: filter.name,
        propertyLabel: filter.label,
        groupValuesLabel: filter.label,
        operators: filter.operators,
        defaultOperator: filter.operators[0] ?? "=",
      }))}
      filteringOptions={filters.flatMap((filter) =>
        (filter.options ?? []).map(({ value, label }) => ({ propertyKey: filter.name, value, ...(label === undefined ? {} : { label }) })),
      )}
      disableFreeTextFiltering={nameFilter === undefined}
      freeTextFiltering={{ operators: [":"] }}
      expandToViewport
    />
  );

  return (
    <Table
      variant={variant}
      stickyHeader={variant === "full-page"}
      resizableColumns={false}
      wrapLines={preferences.wraps}
      items={items}
      trackBy={id}
      loading={isPending}
      loadingText={say("list.loading")}
      columnDefinitions={definitions}
      columnDisplay={known.map((column) => ({ id: column, visible: preferences.columns.includes(column) }))}
      {...(canSort ? { sortingColumn: { sortingField: sort.by }, sortingDescending: sort.descending } : {})}
      onSortingChange={({ detail }) => {
        const column = columns.find((one) => one.sort !== undefined && one.sort === detail.sortingColumn.sortingField);
        setSort({ by: column?.sort ?? USUAL_SORT.by, descending: detail.isDescending ?? false });
        setPageNumber(1);
      }}
      {...(selection === undefined ? {} : { selectionType: selection })}
      selectedItems={selected}
      onSelectionChange={({ detail }) => setSelectedIds(detail.selectedItems.map(id))}
      ariaLabels={{
        tableLabel: title,
        selectionGroupLabel: say("list.selection"),
        allItemsSelectionLabel: () => say("list.selectAll"),
        itemSelectionLabel: (_, item) => say("list.select", { name: name(item) }),
      }}
      empty={
        error !== null ? (
          <Refusal error={error} />
        ) : isFiltered ? (
          <SpaceBetween size="xs">
            <Box>{say("list.noMatch")}</Box>
            <Button onClick={() => ask(NO_QUERY)}>{say("list.noMatch.clear")}</Button>
          </SpaceBetween>
        ) : (
          <SpaceBetween size="xs">
            <Box>{say("list.empty")}</Box>
            {start}
          </SpaceBetween>
        )
      }
      header={
        <Header
          variant={variant === "full-page" ? "awsui-h1-sticky" : "h2"}
          counter={isPending ? "" : `(${count})`}
          description={description}
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button iconName="refresh" ariaLabel={say("list.refresh")} loading={isPending && isFetching} onClick={() => void refetch()} />
              {props.actions?.(selected)}
            </SpaceBetween>
          }
        >
          {title}
        </Header>
      }
      filter={
        hasFilter && (
          <Grid gridDefinition={beside === undefined ? [{ colspan: 12 }] : [{ colspan: { default: 12, xxs: 7 } }, { colspan: { default: 12, xxs: 5 } }]}>
            {filter}
            {beside}
          </Grid>
        )
      }
      pagination={
        <Pagination currentPageIndex={Math.min(pageNumber, pages)} pagesCount={pages} openEnd={hasMore} onChange={({ detail }) => setPageNumber(detail.currentPageIndex)} />
      }
      preferences={
        <CollectionPreferences
          title={say("list.preferences")}
          confirmLabel={say("action.save")}
          cancelLabel={say("action.cancel")}
          preferences={{
            pageSize: preferences.pageSize,
            wrapLines: preferences.wraps,
            visibleContent: preferences.columns,
          }}
          pageSizePreference={{
            title: say("list.pageSize"),
            options: PAGE_SIZES.map((count) => ({ value: count, label: say("list.pageSize.option", { count }) })),
          }}
          wrapLinesPreference={{ label: say("list.wrap"), description: say("list.wrap.hint") }}
          visibleContentPreference={{
            title: say("list.columns"),
            options: [{ label: say("list.columns"), options: columns.map(({ id, header, isRowHeader }) => ({ id, label: header, editable: isRowHeader !== true })) }],
          }}
          onConfirm={({ detail }) => {
            const next = {
              pageSize: detail.pageSize ?? preferences.pageSize,
              columns: detail.visibleContent ?? preferences.columns,
              wraps: detail.wrapLines ?? preferences.wraps,
            };
            storePreferences(table, next, known);
            setPreferences(next);
            setPageNumber(1);
          }}
        />
      }
    />
  );
}
