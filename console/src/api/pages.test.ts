import { expect, test, vi } from "vitest";

import { everything, pageOf, pageQuery, type PageRequest } from "./pages";

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
