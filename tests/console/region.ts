// A region to test in, and the command line to prepare it with.

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";

/** The binary, with the console in it. */
export const PROGRAM = process.env.DNLB_BIN ?? "../../target/release/dnlb";

export type Role = "admin" | "operator" | "viewer";

export interface User {
  name: string;
  password: string;
}

export interface Region {
  /** Where its console is. */
  console: string;
  name: string;
  /** Its first administrator. */
  admin: User;
  /** Calls the command line, and reads what it prints. */
  dnlb(...words: string[]): unknown;
  /** Makes a user who can log in. */
  user(name: string, role: Role): User;
}

/** The command line, with an environment by which it finds the region. */
export function commands(env: NodeJS.ProcessEnv): Pick<Region, "dnlb" | "user"> {
  const call = (words: readonly string[], input = "") =>
    JSON.parse(execFileSync(PROGRAM, [...words, "-o", "json"], { env, input, encoding: "utf8" })) as unknown;
  return {
    dnlb: (...words) => call(words),
    user: (name, role) => {
      const password = randomBytes(12).toString("hex");
      call(["user", "create", name, "--role", role, "--password"], `${password}\n`);
      return { name, password };
    },
  };
}
