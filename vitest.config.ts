import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["source"] },
  ssr: { resolve: { conditions: ["source"] } },
  test: {
    include: ["{protocol,server,operator}/src/**/*.test.ts", "e2e/{machines,pages}/*.test.ts"],
    pool: "threads",
    testTimeout: 20_000,
  },
});
