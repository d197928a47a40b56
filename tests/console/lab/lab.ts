// A whole region on this machine, in network namespaces: hosts, edges, instances, and a client outside.

import { execFileSync } from "node:child_process";

import { commands, PROGRAM, type Region } from "../region";

const NAME = process.env.DNLB_LAB ?? "browser";

export interface Lab extends Region {
  /** Its name on this machine. */
  lab: string;
  /** By which commands and programs find it. */
  env: Readonly<Record<string, string>>;
  /** Sends requests from a node or an instance, each over a connection of its own. */
  load(from: string, url: string, connections: number): Served;
  /** Breaks a node, in the lab's usual way or another one, or kills an instance. */
  fail(what: string, how?: string): void;
  /** Mends a node. */
  heal(what: string): void;
}

/** What became of requests. */
export interface Served {
  failed: number;
  /** Answers by the instance that gave them. */
  instances: Record<string, number>;
  /** Answers by the address that the instance saw. */
  clients: Record<string, number>;
}

/** A command of the lab, which takes root. */
function lab(...words: string[]): string {
  const all = [PROGRAM, "lab", "--name", NAME, ...words];
  const [program = "", ...rest] = process.getuid?.() === 0 ? all : ["sudo", "-E", ...all];
  return execFileSync(program, rest, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

/** Removes it, also what a run that was ended has left. */
export function down(): void {
  lab("down");
}

/** Builds it, with two zones of one host each. */
export function up(): Lab {
  down();
  lab("up", "--hosts-per-rack", "1");
  const env: Record<string, string> = Object.fromEntries([...lab("env").matchAll(/^export (\w+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value]));
  const known = (name: string) => {
    const value = env[name];
    if (value === undefined) throw new Error(`\`dnlb lab env\` does not say ${name}`);
    return value;
  };
  return {
    console: known("DNLB_CONSOLE_URL"),
    name: known("DNLB_REGION"),
    admin: { name: known("DNLB_CONSOLE_USER"), password: known("DNLB_CONSOLE_PASSWORD") },
    lab: NAME,
    env,
    ...commands({ ...process.env, ...env }),
    load: (from, url, connections) =>
      JSON.parse(lab("exec", from, "dnlb", "guest", "load", "--connections", String(connections), "--url", url)) as Served,
    fail: (what, how) => void lab("fail", what, ...(how === undefined ? [] : ["--how", how])),
    heal: (what) => void lab("heal", what),
  };
}
