import { defineConfig, type ViteUserConfig } from "vitest/config";

/** Started after all others: Java takes the processors that browsers and latencies are measured on. */
const HEAVY = ["tests/conformance/**/*.test.ts"];

const config: ViteUserConfig = defineConfig({
  test: {
    isolate: false,
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: "lab",
          include: ["src/**/*.test.ts", "tests/**/*.test.ts", "bench/**/*.test.ts"],
          exclude: [...HEAVY, "**/node_modules/**"],
          sequence: { groupOrder: 0 },
        },
      },
      { extends: true, test: { name: "conformance", include: HEAVY, sequence: { groupOrder: 1 } } },
    ],
  },
});

export default config;
