// A server with a region of its own, and the command line to prepare it with.

import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const PROGRAM = process.env.DNLB_BIN ?? "../../target/release/dnlb";
const REGION = "browser-1";

export interface Region {
  /** Where its console is, as the server says at its start. */
  console: string;
  name: string;
  /** The first administrator's password; the user is `admin`. */
  password: string;
  /** Calls the command line, and reads what it prints. */
  dnlb(...words: string[]): unknown;
  end(): Promise<void>;
}

export async function start(): Promise<Region> {
  const folder = mkdtempSync(join(tmpdir(), "dnlb-console-"));
  const file = (name: string) => join(folder, name);
  writeFileSync(file("token"), randomBytes(24).toString("hex"), { mode: 0o600 });
  const server = spawn(
    PROGRAM,
    [
      ...["server", "--region", REGION, "--azs", `${REGION}a,${REGION}b`, "--eip-pool", "203.0.113.0/28"],
      ...["--data-dir", file("data"), "--join-token-file", file("token"), "--access-key-file", file("key")],
      ...["--api-listen", "127.0.0.1:0", "--agent-listen", "127.0.0.1:0"],
    ],
    { stdio: ["ignore", "inherit", "pipe"] },
  );
  const ended = once(server, "exit");
  const end = async () => {
    server.kill();
    await ended;
    rmSync(folder, { recursive: true });
  };
  try {
    const console = await consoleOf(createInterface(server.stderr));
    const key = JSON.parse(readFileSync(file("key"), "utf8")) as Record<"accessKey" | "secretKey" | "password", string>;
    const env = {
      PATH: process.env.PATH,
      // Nobody's profiles and sessions but its own.
      HOME: folder,
      DNLB_ENDPOINT: new URL(console).host,
      DNLB_REGION: REGION,
      DNLB_ACCESS_KEY: key.accessKey,
      DNLB_SECRET_KEY: key.secretKey,
    };
    const dnlb = (...words: string[]) =>
      JSON.parse(execFileSync(PROGRAM, [...words, "-o", "json"], { env, encoding: "utf8" })) as unknown;
    return { console, name: REGION, password: key.password, dnlb, end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** What a server's log says of its console; the rest of it is read, too, so that the server never waits for us. */
async function consoleOf(log: AsyncIterable<string> & NodeJS.EventEmitter): Promise<string> {
  return new Promise((found, failed) => {
    const lines: string[] = [];
    log.on("line", (line: string) => {
      lines.push(line);
      const url = / console="([^"]+)"/.exec(line)?.[1];
      if (url !== undefined) found(url);
      else if (line.includes("the server is ready")) failed(new Error(`no console was built into ${PROGRAM}`));
    });
    log.on("close", () => failed(new Error(`the server ended:\n${lines.join("\n")}`)));
  });
}
