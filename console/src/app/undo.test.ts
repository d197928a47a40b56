import { expect, test } from "vitest";

import { ApiError, Unreachable } from "../api/errors";
import { makeAll, NotMade, type Step } from "./undo";

const refused = new ApiError(409, "ALREADY_EXISTS", "port 80 is taken", "r");
const atOnce = async () => undefined;

/** A region that remembers what was done to it. */
class Region {
  readonly done: string[] = [];
  readonly there = new Set<string>();

  step(name: string, fails?: unknown): Step {
    return {
      name,
      make: async () => {
        if (fails !== undefined) throw fails;
        this.done.push(`make ${name}`);
        this.there.add(name);
        return `${name}-1`;
      },
      undo: async (id) => {
        this.done.push(`undo ${id}`);
        this.there.delete(name);
      },
    };
  }
}

async function failure(steps: readonly Step[]): Promise<NotMade> {
  try {
    await makeAll(steps, () => undefined, atOnce);
  } catch (error) {
    if (error instanceof NotMade) return error;
    throw error;
  }
  throw new Error("all was made");
}

test("all are made in their order, and later ones know the earlier", async () => {
  const region = new Region();
  const last: Step = { name: "listener", make: async (made) => `listener of ${made.get("backend")}` };
  const begun: string[] = [];
  const made = await makeAll([region.step("backend"), last], (name) => begun.push(name));
  expect([...made.values()]).toEqual(["backend-1", "listener of backend-1"]);
  expect(begun).toEqual(["backend", "listener"]);
});

test("a refusal takes back what was made before, the last first", async () => {
  const region = new Region();
  const error = await failure([region.step("group"), region.step("backend"), region.step("listener", refused)]);
  expect(error.message).toBe("port 80 is taken");
  expect(error.cause).toBe(refused);
  expect(region.done).toEqual(["make group", "make backend", "undo backend-1", "undo group-1"]);
  expect(error).toMatchObject({ undone: ["backend", "group"], left: [] });
});

test("what cannot be taken back is named, and the rest is taken back all the same", async () => {
  const region = new Region();
  const stuck = { ...region.step("backend"), undo: async () => Promise.reject(new ApiError(400, "", "in use", "r")) };
  const error = await failure([region.step("group"), stuck, region.step("listener", refused)]);
  expect(error).toMatchObject({ undone: ["group"], left: [{ name: "backend", id: "backend-1" }] });
});

test("after silence it is looked for: made all the same is made", async () => {
  const region = new Region();
  const silent: Step = { ...region.step("backend"), make: async () => Promise.reject(new Unreachable()), find: async () => "backend-7" };
  expect((await makeAll([silent, region.step("listener")], undefined, atOnce)).get("backend")).toBe("backend-7");
});

test("after silence that made nothing, the earlier are taken back, however long the server stays away", async () => {
  const region = new Region();
  let tries = 0;
  const away = async () => {
    tries += 1;
    if (tries < 5) throw new Unreachable();
    return null;
  };
  const silent: Step = { name: "listener", make: async () => Promise.reject(new Unreachable()), find: away };
  const error = await failure([region.step("backend"), silent]);
  expect(tries).toBe(5);
  expect(error.cause).toBeInstanceOf(Unreachable);
  expect(region.there.size).toBe(0);
});
