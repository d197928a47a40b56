// docs/guide.md does what it says: its commands and its program are run as they stand there.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";

import { PROGRAM } from "../region";
import { expect, test } from "./test";

const GUIDE = join(import.meta.dirname, "../../../docs/guide.md");
/** With the SDK, as `cargo xtask test lab` installs it. */
const { DNLB_PYTHON } = process.env;

/** The guide's blocks of a language, one after the other. */
function blocks(language: string): string {
  const found = [...readFileSync(GUIDE, "utf8").matchAll(/^```(\w*)\n([^]*?)^```$/gm)];
  return found.filter(([, of]) => of === language).map(([, , text]) => text).join("\n");
}

/** Kinds of what the guide's commands make, and remove again. */
const KINDS = ["listener", "backend", "lb", "ag", "template", "eip", "sg", "subnet", "vpc"];

test("by command line", ({ lab }) => {
  const counts = () => Object.fromEntries(KINDS.map((kind) => [kind, (lab.dnlb(kind, "list") as unknown[]).length]));
  const before = counts();
  const folder = mkdtempSync(join(tmpdir(), "dnlb-guide-"));
  try {
    // `dnlb` is this program and `dnlb lab` this lab.
    const program = resolve(PROGRAM);
    const words = `[ "$1" = lab ] && { shift; set -- lab --name ${lab.lab} "$@"; }\nexec ${program} "$@"\n`;
    writeFileSync(join(folder, "dnlb"), `#!/bin/sh\n${words}`, { mode: 0o755 });
    // Who is root may have none; who is not needs its way to `dnlb`.
    const sudo = process.getuid?.() === 0 ? 'exec "$@"' : 'exec /usr/bin/sudo -E env "PATH=$PATH" "$@"';
    writeFileSync(join(folder, "sudo"), `#!/bin/sh\n${sudo}\n`, { mode: 0o755 });
    const env = { ...process.env, ...lab.env, PATH: [folder, process.env.PATH].join(delimiter) };
    const script = blocks("sh");
    expect(script).toContain("dnlb listener create");
    const told = execFileSync("bash", ["-euo", "pipefail", "-c", script], { env, encoding: "utf8" });
    // Both of its requests are answered.
    expect(told.match(/^\{"instance":"i-.*$/gm), told).toHaveLength(2);
  } finally {
    rmSync(folder, { recursive: true });
  }
  expect(counts()).toEqual(before);
});

test("by SDK", ({ lab }) => {
  test.skip(DNLB_PYTHON === undefined, "DNLB_PYTHON does not name a Python with the SDK: `cargo xtask test lab` installs one");
  const told = execFileSync(DNLB_PYTHON ?? "", ["-c", blocks("python")], { env: { ...process.env, ...lab.env }, encoding: "utf8" });
  expect(told).toMatch(/^10\.0\.0\.\d+:80 serves$/m);
});
