// What tests in a lab have: as others, but with hosts.

import { test as base } from "../test";
import { down, type Lab, up } from "./lab";

export { expect } from "../test";

export const test = base.extend<object, { lab: Lab }>({
  lab: [
    async ({}, use) => {
      try {
        await use(up());
      } finally {
        down();
      }
    },
    { scope: "worker", timeout: 180_000 },
  ],
  region: [({ lab }, use) => use(lab), { scope: "worker" }],
});
