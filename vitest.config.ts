import { defineConfig } from "vitest/config";

/** Tests that need only the language; everything else stands in its own project because it takes the machine's network. */
const pure = ["test/**/*.test.ts"];
const system = ["test/netns/**/*.test.ts", "test/guest/**/*.test.ts", "test/lab/**/*.test.ts"];

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/closing-reporter.ts"],
    projects: [
      { test: { name: "pure", include: pure, exclude: system, testTimeout: 120_000 } },
      {
        test: {
          name: "system",
          include: system,
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
    coverage: {
      provider: "v8",
      include: [
        "src/bytes/**",
        "src/bpf/**",
        "src/wire/**",
        "src/control/**",
        "src/config/**",
        "src/forwarding/*.ts",
      ],
      reporter: ["text", "json-summary"],
      thresholds: {
        "src/wire/**": { branches: 95 },
        "src/control/**": { branches: 95 },
        "src/config/**": { branches: 95 },
        "src/forwarding/*.ts": { branches: 95 },
      },
    },
  },
});
