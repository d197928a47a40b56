import { expect, test, vi } from "vitest";

import { everything, type Filter, pageOf, pageQuery, type PageRequest, pagesOfParts, type PartRequest } from "./pages";

test("filters are numbered, and alternatives within them", () => {
  const filters = [
    { name: "loadBalancerType", operator: "eq", values: ["dnlb"] },
    { name: "loadBalancerNames", operator: "like", values: ["a", "b"] },
    { name: "vpcId", operator: "eq", values: ["vpc-1"] },
  ] as const;
  expect(pageQuery({ pageNumber: 2, pageSize: 20, filters })).toEqual({
    pageNumber: 2,
    pageSize: 20,
    "filters.1.name": "loadBalancerType",
    "filters.1.values.1": "dnlb",
    "filters.2.name": "loadBalancerNames",
    "filters.2.operator": "like",
    "filters.2.values.1": "a",
    "filters.2.values.2": "b",
    "filters.3.name": "vpcId",
    "filters.3.values.1": "vpc-1",
  });
});

test.each([
  [{ by: "name", descending: false }, "name"],
  [{ by: "createdTime", descending: true }, "-createdTime"],
] as const)("an order is one word: %o is %s", (sort, word) => {
  expect(pageQuery({ pageNumber: 1, pageSize: 20, filters: [], sort })).toEqual({ pageNumber: 1, pageSize: 20, sort: word });
});

test.each([0, 1, 99, 100, 101, 200, 250])("all of %i items are read, each once", async (total) => {
  const all = Array.from({ length: total }, (_, number) => number);
  const page = vi.fn(async (request: PageRequest) => pageOf(all, request));
  expect(await everything(page)).toEqual(all);
  expect(page.mock.calls.length).toBeLessThanOrEqual(Math.max(1, Math.ceil(total / 100)));
});

test("reading all ends when the list shrinks meanwhile", async () => {
  const first = Array.from({ length: 100 }, (_, number) => number);
  const page = async ({ pageNumber }: PageRequest) => (pageNumber === 1 ? { items: first, total: 150 } : { items: [], total: 100 });
  expect(await everything(page)).toEqual(first);
});

test("past the end is the last page, as in the API", () => {
  expect(pageOf([1, 2, 3], { pageNumber: 9, pageSize: 2, filters: [] })).toEqual({ items: [3], total: 3 });
  expect(pageOf([], { pageNumber: 1, pageSize: 10, filters: [] })).toEqual({ items: [], total: 0 });
});

/** Numbers counting down from `newest`, of which `lets` lets some through; a part looks at ten. */
function countdown(newest: number, lets: (number: number) => boolean = () => true) {
  return vi.fn(async ({ maxResults, nextToken }: PartRequest<"kind">) => {
    const items: number[] = [];
    let at = nextToken === "" ? newest : Number(nextToken) - 1;
    for (let looked = 0; at > 0 && looked < 10; looked += 1, at -= 1) {
      if (lets(at)) items.push(at);
      if (items.length === maxResults) return { items, nextToken: String(at) };
    }
    return { items, nextToken: at > 0 ? String(at + 1) : "" };
  });
}

const first = { pageNumber: 1, pageSize: 4, filters: [] as readonly Filter<"kind">[] };

test("pages of a list that nobody counts follow one another, and the last one is known when it is reached", async () => {
  const page = pagesOfParts(countdown(10));
  expect(await page(first)).toEqual({ items: [10, 9, 8, 7], total: 4, hasMore: true });
  expect(await page({ ...first, pageNumber: 2 })).toEqual({ items: [6, 5, 4, 3], total: 8, hasMore: true });
  expect(await page({ ...first, pageNumber: 3 })).toEqual({ items: [2, 1], total: 10, hasMore: false });
  expect((await page({ ...first, pageNumber: 2 })).items).toEqual([6, 5, 4, 3]);
});

test("a page is filled although the server has found little in each part", async () => {
  const part = countdown(40, (number) => number % 9 === 0);
  expect(await pagesOfParts(part)(first)).toEqual({ items: [36, 27, 18, 9], total: 4, hasMore: true });
  expect(part).toHaveBeenCalledTimes(4);
});

test("what a filter lets nothing through of is not looked through without end", async () => {
  const part = countdown(10_000, () => false);
  expect(await pagesOfParts(part)(first)).toEqual({ items: [], total: 0, hasMore: true });
  expect(part).toHaveBeenCalledTimes(10);
});

test("other filters, other ends", async () => {
  const page = pagesOfParts(countdown(10));
  await page(first);
  const other = { ...first, filters: [{ name: "kind", operator: "eq", values: ["x"] }] as const };
  expect((await page({ ...other, pageNumber: 2 })).items).toEqual([10, 9, 8, 7]);
});
