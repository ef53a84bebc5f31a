import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// Where `npm run dev` finds the server whose data it shows.
const server = process.env.CONTAINERLEASE_SERVER ?? "http://127.0.0.1:8080";
const served = ["/api", "/apis", "/signin", "/healthz", "/readyz"];

// One server, one engine and one browser: the files run one after the other.
const inBrowser = { fileParallelism: false, testTimeout: 120_000, hookTimeout: 180_000 };

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "@": fileURLToPath(new URL("src", import.meta.url)) } },
  // The gateway puts a nonce of each answer in its place, and into the Content-Security-Policy.
  html: { cspNonce: "__CSP_NONCE__" },
  build: {
    target: "es2022",
    // The browsers that know light-dark(): what stands in for it where it has to be rewritten doesn't
    // follow our switch.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // Inlined files would be data: URLs, which the policy allows for images alone.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 800,
  },
  server: {
    port: 5173,
    proxy: {
      ...Object.fromEntries(
        // The server answers pages of its own origin, so that is what it is told ours is.
        served.map((path) => [path, { target: server, changeOrigin: true, headers: { origin: server } }]),
      ),
      "/ws": { target: server, ws: true, changeOrigin: true, headers: { origin: server } },
    },
  },
  test: {
    projects: [
      { extends: true, test: { name: "unit", include: ["src/**/*.test.ts"] } },
      { extends: true, test: { name: "browser", include: ["e2e/**/*.test.ts"], ...inBrowser } },
      { extends: true, test: { name: "screenshots", include: ["e2e/screenshots.ts"], ...inBrowser } },
    ],
  },
});
