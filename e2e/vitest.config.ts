import { defineConfig } from "vitest/config";

// One after the other: the tests share a small machine, and some measure time. Each file has a namespace of its own.
export default defineConfig({
  resolve: { conditions: ["source"] },
  ssr: { resolve: { conditions: ["source"] } },
  test: {
    root: import.meta.dirname,
    include: ["{suite,machines}/**/*.e2e.ts"],
    fileParallelism: false,
    testTimeout: 240_000,
    hookTimeout: 240_000,
  },
});
