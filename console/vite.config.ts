import { createHash } from "node:crypto";

import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

import { compressed } from "./compressed";

// Served by `dnlb server` below /console/. While developing, `npm run dev` passes on to a server what is not the console's.
const server = process.env.DNLB_ENDPOINT ?? "127.0.0.1:8080";

/** Cloudscape has eight fonts inside its stylesheet. As files, a browser loads the two or three that a page shows. */
function fontsAsFiles(): Plugin {
  return {
    name: "fonts-as-files",
    generateBundle(_, bundle) {
      for (const sheet of Object.values(bundle)) {
        if (sheet.type !== "asset" || !sheet.fileName.endsWith(".css")) continue;
        sheet.source = sheet.source.toString().replace(/data:font\/woff2;base64,([A-Za-z0-9+/=]+)/g, (_, text: string) => {
          const source = Buffer.from(text, "base64");
          const name = `font-${createHash("sha256").update(source).digest("hex").slice(0, 8)}.woff2`;
          this.emitFile({ type: "asset", fileName: `assets/${name}`, source });
          return name;
        });
      }
    },
  };
}

export default defineConfig({
  base: "/console/",
  plugins: [react(), fontsAsFiles(), compressed()],
  build: {
    // Nothing inline: the Content-Security-Policy allows scripts from files only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Raw sizes; what travels is a third of it.
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: { "/v1": `http://${server}`, "/console/settings.json": `http://${server}` } },
});
