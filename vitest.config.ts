import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/support/longest-first.ts";

/** Tests that need only the language, and those that take the machine's network, each file in namespaces. */
const pure = ["test/**/*.test.ts"];
const system = ["test/netns/**/*.test.ts", "test/lab/*.test.ts"];
/** The packages that `npm run package` made, installed as users install them. */
const packages = ["test/package/**/*.test.ts"];
/** Each guest keeps one processor busy and touches nothing outside itself. */
const guest = ["test/guest/**/*.test.ts"];
const plain = "./test/support/without-colours.ts";
/** Behind the pure tests; these wait more than they compute: for timers, program starts and packets. */
const beside = { maxWorkers: 3, sequence: { groupOrder: 1 } };

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/closing-reporter.ts"],
    maxWorkers: "100%",
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: "pure",
          setupFiles: plain,
          include: pure,
          exclude: [...system, ...guest, ...packages],
          testTimeout: 120_000,
        },
      },
      { test: { name: "guest", setupFiles: plain, include: guest, ...beside } },
      {
        test: {
          name: "package",
          setupFiles: [plain, "./test/support/own-labs.ts"],
          include: packages,
          testTimeout: 300_000,
          hookTimeout: 900_000,
          ...beside,
        },
      },
      {
        test: {
          name: "system",
          setupFiles: [plain, "./test/support/own-labs.ts"],
          include: system,
          testTimeout: 300_000,
          hookTimeout: 300_000,
          // A machine that is busy elsewhere may make one miss its time; what fails twice has failed.
          retry: 1,
          ...beside,
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
        "src/forwarding/**",
        "src/daemon/**",
        "src/os/**",
      ],
      reporter: ["text", "json-summary"],
      reportOnFailure: true,
      // Held in whole runs alone. What daemons and the planes' worker run, from dist, is not counted.
      thresholds: {
        "src/wire/**": { branches: 95 },
        "src/control/**": { branches: 95 },
        "src/config/**": { branches: 95 },
        "src/forwarding/*.ts": { branches: 95 },
        "src/forwarding/**": { branches: 70 },
        "src/os/**": { branches: 59 },
        "src/daemon/**": { branches: 41 },
      },
    },
  },
});
