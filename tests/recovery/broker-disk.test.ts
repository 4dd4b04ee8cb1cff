import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { FullBrokerReport } from "./full-broker-job.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-full-broker-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const namespaces = process.platform === "linux" && spawnSync("unshare", ["-rm", "true"]).status === 0;

describe.skipIf(!namespaces)("F15: the disk of the broker is full", () => {
  test.each(["50", "always"])(
    "the producer gets an error, nothing acknowledged is lost, and it goes on when there is room (flush %s)",
    { timeout: 60_000 },
    (flush) => {
      const job = path.join(import.meta.dirname, "full-broker-job.ts");
      const script = 'mount -t tmpfs -o size=2m tmpfs "$1" && exec "$2" "$3" "$1" "$4"';
      const { status, stdout, stderr } = spawnSync("unshare", ["-rm", "sh", "-c", script, "sh", folder, process.execPath, job, flush], {
        encoding: "utf8",
        timeout: 50_000,
      });
      expect(status, stderr).toBe(0);
      const report = JSON.parse(stdout) as FullBrokerReport;
      expect(report).toMatchObject({ missing: 0, missingAfterRestart: 0, acknowledgedAfterwards: 10 });
      expect(new Set(report.errors)).toEqual(new Set(["KAFKA_STORAGE_ERROR"]));
      expect(report.acknowledged).toBeGreaterThan(5);
      expect(report.createdWhileFull).toBe("KAFKA_STORAGE_ERROR");
    },
  );
});
