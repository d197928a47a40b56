// Lists, as the API filters and pages them.

export interface Filter<Name extends string> {
  name: Name;
  operator: "eq" | "like";
  values: readonly string[];
}

/** What the API sorts lists by. */
export type SortBy = "createdTime" | "name";

export interface Sort {
  by: SortBy;
  descending: boolean;
}

export interface PageRequest<Name extends string = string> {
  pageNumber: number;
  pageSize: number;
  /** Without it, the API's usual order: oldest first. */
  sort?: Sort;
  filters: readonly Filter<Name>[];
}

export interface Page<Item> {
  items: Item[];
  /** How many there are in all, as far as that is known. */
  total: number;
  /** There are more, and nobody has counted them. */
  hasMore?: boolean;
}

/** The API's limit. */
const LARGEST_PAGE = 100;

interface FilterQuery<Name extends string> {
  "filters.1.name"?: Name;
}

/** Filters as they go into a query. The documents name the first ones only; further ones are numbered on. */
export function filterQuery<Name extends string>(filters: readonly Filter<Name>[]): FilterQuery<Name> {
  const numbered: Record<string, string> = {};
  filters.forEach(({ name, operator, values }, place) => {
    const prefix = `filters.${place + 1}`;
    numbered[`${prefix}.name`] = name;
    if (operator !== "eq") numbered[`${prefix}.operator`] = operator;
    values.forEach((value, number) => (numbered[`${prefix}.values.${number + 1}`] = value));
  });
  return numbered;
}

interface PageQuery {
  pageNumber: number;
  pageSize: number;
  sort?: SortBy | `-${SortBy}`;
}

export function pageQuery<Name extends string>(request: PageRequest<Name>): FilterQuery<Name> & PageQuery {
  const { pageNumber, pageSize, sort, filters } = request;
  return { pageNumber, pageSize, ...(sort === undefined ? {} : { sort: sort.descending ? `-${sort.by}` : sort.by }), ...filterQuery(filters) };
}

/** All pages together, for what is chosen from. */
export async function everything<Item, Name extends string>(
  page: (request: PageRequest<Name>) => Promise<Page<Item>>,
  filters: readonly Filter<Name>[] = [],
): Promise<Item[]> {
  const items: Item[] = [];
  for (let pageNumber = 1; ; pageNumber += 1) {
    const next = await page({ pageNumber, pageSize: LARGEST_PAGE, filters });
    items.push(...next.items);
    if (next.items.length < LARGEST_PAGE || items.length >= next.total) return items;
  }
}

/** A page of what the API gives whole. */
export function pageOf<Item>(all: readonly Item[], { pageNumber, pageSize }: PageRequest): Page<Item> {
  const last = Math.max(1, Math.ceil(all.length / pageSize));
  const first = (Math.min(pageNumber, last) - 1) * pageSize;
  return { items: all.slice(first, first + pageSize), total: all.length };
}

/** A part of a list that the API does not count. */
export interface Part<Item> {
  items: readonly Item[];
  /** Where it has ended: the next part begins behind it. Empty: there is no more. */
  nextToken: string;
}

export interface PartRequest<Name extends string> {
  filters: readonly Filter<Name>[];
  maxResults: number;
  nextToken: string;
}

/** The server looks at some thousands of records for each part: a filter that lets hardly any through must not make it look at all of them. */
const MOST_PARTS = 10;

/**
 * Numbered pages of a list that the API gives part by part.
 *
 * A page begins where the one before has ended, so they can be reached one after another only; where each has ended is remembered.
 */
export function pagesOfParts<Item, Name extends string>(
  part: (request: PartRequest<Name>) => Promise<Part<Item>>,
): (request: PageRequest<Name>) => Promise<Page<Item>> {
  const ends = new Map<string, string[]>();
  return async ({ pageNumber, pageSize, filters }) => {
    const key = JSON.stringify([pageSize, filters]);
    const known = ends.get(key) ?? [];
    // What nobody has reached yet begins where the last known page has ended.
    const number = Math.min(pageNumber, known.length + 1);
    let nextToken = known[number - 2] ?? "";
    const items: Item[] = [];
    for (let parts = 0; parts < MOST_PARTS && items.length < pageSize; parts += 1) {
      const found = await part({ filters, maxResults: pageSize - items.length, nextToken });
      items.push(...found.items);
      nextToken = found.nextToken;
      if (nextToken === "") break;
    }
    const before = known.slice(0, number - 1);
    ends.set(key, nextToken === "" ? before : [...before, nextToken, ...known.slice(number)]);
    return { items, total: (number - 1) * pageSize + items.length, hasMore: nextToken !== "" };
  };
}
