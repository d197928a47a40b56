import { expect, test } from "vitest";

import { ApiError, Unreachable } from "../api/errors";
import { activePage, type Section } from "./navigation";
import { paths } from "./paths";
import { asksAgain, liveInterval } from "./queries";

test("the navigation marks the nearest page above", () => {
  const sections: Section[] = [
    {
      title: "nav.balancing",
      pages: [
        { title: "nav.loadBalancers", href: "/console/a" },
        { title: "nav.loadBalancers", href: "/console/a/b" },
      ],
    },
  ];
  expect(activePage(sections, "/console/a/x/y")).toBe("/console/a");
  expect(activePage(sections, "/console/a/b/c")).toBe("/console/a/b");
  expect(activePage(sections, "/console/ab")).toBe("");
});

test("an id cannot lead to another page", () => {
  expect(paths.loadBalancer("../x?y#z", "listeners")).toBe("/console/load-balancers/..%2Fx%3Fy%23z?tab=listeners");
});

test("what is refused again and again is asked ever less often, and never less than once a minute", () => {
  const waits = [0, 1, 2, 3, 4, 50].map(liveInterval);
  expect(waits).toEqual([4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
});

test("only silence is asked again at once", () => {
  expect(asksAgain(new Unreachable())).toBe(true);
  expect(asksAgain(new ApiError(400, "", "", ""))).toBe(false);
});
