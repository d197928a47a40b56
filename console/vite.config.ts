import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Served by `dnlb server` below /console/. While developing, `npm run dev` passes on to a server what is not the console's.
const server = process.env.DNLB_ENDPOINT ?? "127.0.0.1:8080";

export default defineConfig({
  base: "/console/",
  plugins: [react()],
  // Nothing inline: the Content-Security-Policy allows scripts from files only.
  build: { assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: { proxy: { "/v1": `http://${server}`, "/console/settings.json": `http://${server}` } },
});
