// A server with a region of its own, without hosts.

import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { commands, PROGRAM, type Region } from "./region";

const REGION = "browser-1";

export interface Server extends Region {
  /** Ends it at once; its data stay. */
  stop(): Promise<void>;
  /** Starts it again, at the same address. */
  again(): Promise<void>;
  end(): Promise<void>;
}

export async function start(options: readonly string[] = []): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), "dnlb-console-"));
  const file = (name: string) => join(folder, name);
  writeFileSync(file("token"), randomBytes(24).toString("hex"), { mode: 0o600 });
  let server: ChildProcess | undefined;

  const run = async (listen: string): Promise<string> => {
    const child = spawn(
      PROGRAM,
      [
        ...["server", "--region", REGION, "--azs", `${REGION}a,${REGION}b`, "--eip-pool", "203.0.113.0/28"],
        ...["--data-dir", file("data"), "--join-token-file", file("token"), "--access-key-file", file("key")],
        ...["--api-listen", listen, "--agent-listen", "127.0.0.1:0"],
        // Every test has a network of its own.
        ...["--quota", "vpcs=200", ...options],
      ],
      { stdio: ["ignore", "inherit", "pipe"] },
    );
    server = child;
    return consoleOf(createInterface(child.stderr));
  };
  const stop = async () => {
    const child = server;
    server = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  const end = async () => {
    await stop();
    rmSync(folder, { recursive: true });
  };

  try {
    const console = await run("127.0.0.1:0");
    const { host } = new URL(console);
    const key = JSON.parse(readFileSync(file("key"), "utf8")) as Record<"accessKey" | "secretKey" | "password", string>;
    const env = {
      PATH: process.env.PATH,
      // Nobody's profiles and sessions but its own.
      HOME: folder,
      DNLB_ENDPOINT: host,
      DNLB_REGION: REGION,
      DNLB_ACCESS_KEY: key.accessKey,
      DNLB_SECRET_KEY: key.secretKey,
    };
    return {
      console,
      name: REGION,
      admin: { name: "admin", password: key.password },
      ...commands(env),
      stop,
      again: async () => void (await run(host)),
      end,
    };
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
