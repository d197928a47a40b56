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
  /** The command line of who has another access key. */
  signedBy(accessKey: string, secretKey: string): (...words: string[]) => unknown;
  /** Makes a user who can log in. */
  user(name: string, role: Role): User;
}

/** The command line, with an environment by which it finds the region. */
export function commands(env: NodeJS.ProcessEnv): Pick<Region, "dnlb" | "signedBy" | "user"> {
  const call = (words: readonly string[], input = "", as: NodeJS.ProcessEnv = {}) =>
    JSON.parse(execFileSync(PROGRAM, [...words, "-o", "json"], { env: { ...env, ...as }, input, encoding: "utf8" })) as unknown;
  return {
    dnlb: (...words) => call(words),
    signedBy:
      (accessKey, secretKey) =>
      (...words) =>
        call(words, "", { DNLB_ACCESS_KEY: accessKey, DNLB_SECRET_KEY: secretKey }),
    user: (name, role) => {
      const password = randomBytes(12).toString("hex");
      call(["user", "create", name, "--role", role, "--password"], `${password}\n`);
      return { name, password };
    },
  };
}
