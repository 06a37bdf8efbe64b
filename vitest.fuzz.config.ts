import { defineConfig } from "vitest/config";

/** `make fuzz`: model-based and differential tests that run as long as one lets them, with new seeds each time. */
export default defineConfig({
  resolve: { conditions: ["source"] },
  ssr: { resolve: { conditions: ["source"] } },
  test: {
    include: ["{protocol,server,operator}/src/**/*.fuzz.ts"],
    pool: "threads",
    fileParallelism: false,
    testTimeout: 3_600_000,
    passWithNoTests: true,
  },
});
