import { expect, test } from "vitest";

import type { RowDistribution } from "../api";
import { barsOf } from "./rows";

function distribution(rows: number, ...targets: [rows: number, wanted: number][]): RowDistribution {
  return {
    backendId: "b",
    algorithm: "IpHash",
    rows,
    targets: targets.map(([own, wantedRows], number) => ({ instanceId: `i-${number}`, ipAddress: "10.0.0.3", port: 80, weight: 10, status: "healthy", rows: own, wantedRows })),
  };
}

test("bars are compared with the longest, and shares with all rows", () => {
  const bars = barsOf(distribution(16, [8, 8.5], [6, 5.5], [2, 2]));
  expect(bars.map(({ share }) => share)).toEqual([0.5, 0.375, 0.125]);
  expect(bars[0]).toMatchObject({ bar: 8 / 8.5, mark: 1 });
  expect(bars[2]).toMatchObject({ bar: 2 / 8.5, mark: 2 / 8.5 });
});

test("without rows nobody has a share", () => {
  expect(barsOf(distribution(0))).toEqual([]);
  expect(barsOf(distribution(0, [0, 0]))).toMatchObject([{ share: 0, bar: 0, mark: 0 }]);
});
