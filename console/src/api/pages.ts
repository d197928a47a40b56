// Lists, as the API filters and pages them.

export interface Filter<Name extends string> {
  name: Name;
  operator: "eq" | "like";
  values: readonly string[];
}

export interface PageRequest<Name extends string = string> {
  pageNumber: number;
  pageSize: number;
  filters: readonly Filter<Name>[];
}

export interface Page<Item> {
  items: Item[];
  total: number;
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

export function pageQuery<Name extends string>(request: PageRequest<Name>): FilterQuery<Name> & { pageNumber: number; pageSize: number } {
  const { pageNumber, pageSize, filters } = request;
  return { pageNumber, pageSize, ...filterQuery(filters) };
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
