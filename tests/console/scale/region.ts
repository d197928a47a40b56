// A large region: that of the control plane's benchmark, whose agents report every target healthy.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { commands, PROGRAM, type Region } from "../region";

const BENCHMARK = process.env.DNLB_BENCH ?? "../../target/release/dnlb-bench";

export const SIZE = { loadBalancers: 5_000, listeners: 10_000, groups: 5_000, targets: 100_000 } as const;

export interface Large extends Region {
  end(): Promise<void>;
}

export async function start(): Promise<Large> {
  const size = ["--load-balancers", SIZE.loadBalancers, "--listeners", SIZE.listeners, "--target-groups", SIZE.groups, "--targets", SIZE.targets];
  const child = spawn(BENCHMARK, ["region", "--program", PROGRAM, ...size.map(String)], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "exit");
  const [line] = (await Promise.race([
    once(createInterface(child.stdout), "line"),
    ended.then(([code]) => Promise.reject(new Error(`${BENCHMARK} ended with ${code}`))),
  ])) as [string];
  const place = JSON.parse(line) as { api: string; region: string; keyFile: string };
  const key = JSON.parse(readFileSync(place.keyFile, "utf8")) as Record<"accessKey" | "secretKey" | "password", string>;
  const env = {
    PATH: process.env.PATH,
    DNLB_ENDPOINT: place.api,
    DNLB_REGION: place.region,
    DNLB_ACCESS_KEY: key.accessKey,
    DNLB_SECRET_KEY: key.secretKey,
  };
  return {
    console: `http://${place.api}/console/`,
    name: place.region,
    admin: { name: "admin", password: key.password },
    ...commands(env),
    end: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
