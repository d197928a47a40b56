// Several things made in one go: all of them, or none.

import { Unreachable } from "../api/errors";

/** One thing to make. What was made before is known by the names of its steps. */
export interface Step {
  /** Names it among the steps. */
  name: string;
  make: (made: ReadonlyMap<string, string>) => Promise<string>;
  /** After silence: what was made all the same, if anything. */
  find?: (made: ReadonlyMap<string, string>) => Promise<string | null>;
  undo?: (id: string) => Promise<unknown>;
}

/** Why it was not made, and what of it is still there. */
export class NotMade extends Error {
  constructor(
    override readonly cause: unknown,
    /** Steps whose things were made, and deleted again. */
    readonly undone: readonly string[],
    /** Steps whose things were made and could not be deleted: who looks has to. */
    readonly left: readonly { name: string; id: string }[],
  ) {
    super(cause instanceof Error ? cause.message : String(cause));
  }
}

const PAUSE_MS = 2_000;

/** Waits for a server that does not answer: looking and deleting can be repeated. */
async function insist<Answer>(ask: () => Promise<Answer>, pause: () => Promise<void>): Promise<Answer> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      await pause();
    }
  }
}

/** Makes one after the other. When one is refused, those before are deleted again, the last one first. */
export async function makeAll(
  steps: readonly Step[],
  begun: (name: string) => void = () => undefined,
  pause: () => Promise<void> = () => new Promise((resume) => setTimeout(resume, PAUSE_MS)),
): Promise<ReadonlyMap<string, string>> {
  const made = new Map<string, string>();
  for (const step of steps) {
    begun(step.name);
    try {
      made.set(step.name, await makeOne(step, made, pause));
    } catch (cause) {
      throw await undoAll(steps, made, cause, pause);
    }
  }
  return made;
}

async function makeOne(step: Step, made: ReadonlyMap<string, string>, pause: () => Promise<void>): Promise<string> {
  try {
    return await step.make(made);
  } catch (error) {
    if (!(error instanceof Unreachable) || step.find === undefined) throw error;
    const { find } = step;
    const found = await insist(() => find(made), pause);
    if (found === null) throw error;
    return found;
  }
}

async function undoAll(steps: readonly Step[], made: ReadonlyMap<string, string>, cause: unknown, pause: () => Promise<void>): Promise<NotMade> {
  const undone: string[] = [];
  const left: { name: string; id: string }[] = [];
  for (const [name, id] of [...made].reverse()) {
    const undo = steps.find((step) => step.name === name)?.undo;
    if (undo === undefined) continue;
    try {
      await insist(() => undo(id), pause);
      undone.push(name);
    } catch {
      left.push({ name, id });
    }
  }
  return new NotMade(cause, undone, left);
}
