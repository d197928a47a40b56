// Compresses what was built, once, so that the server only hands it out.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

import type { Plugin } from "vite";

/** What is compressed in itself, fonts and pictures, does not get smaller. */
const TEXT = /\.(css|html|js|json|svg|txt|webmanifest)$/;

/** Below this part of its size, the compressed form is worth its place in the program. */
const WORTH_IT = 0.9;

/** Beside each file, its forms ending in .br and .gz, where they save something. */
export function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    async writeBundle({ dir }, bundle) {
      if (dir === undefined) throw new Error("the build has no folder");
      const packed = async (name: string) => {
        const path = join(dir, name);
        const plain = await readFile(path);
        const forms = {
          br: await promisify(brotliCompress)(plain, {
            params: {
              [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
              [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
              [constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
            },
          }),
          gz: await promisify(gzip)(plain, { level: constants.Z_BEST_COMPRESSION }),
        };
        for (const [ending, form] of Object.entries(forms)) {
          if (form.length < plain.length * WORTH_IT) await writeFile(`${path}.${ending}`, form);
        }
      };
      await Promise.all(Object.keys(bundle).filter((name) => TEXT.test(name)).map(packed));
    },
  };
}
