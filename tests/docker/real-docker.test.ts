import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../../src/base/project.ts";
import { ensureSecrets, secretsFile } from "../../src/stack/docker/secrets.ts";
import { requireOracle } from "../oracle.ts";

test.runIf(requireOracle("docker", "the compose file as Docker reads it"))(
  "docker compose config takes the file, and refuses it without secrets",
  async () => {
    const root = mkdtempSync(path.join(tmpdir(), "streamlab-compose-"));
    const config = (envFile: string): string =>
      execFileSync(
        "docker",
        [
          "compose",
          "-f",
          path.join(projectRoot, "docker-compose.yml"),
          "--env-file",
          envFile,
          "--profile",
          "replication",
          "config",
          "--quiet",
        ],
        {
          encoding: "utf8",
          stdio: "pipe",
        },
      );
    try {
      await ensureSecrets(root);
      expect(config(secretsFile(root))).toBe("");
      expect(() => config("/dev/null")).toThrow(/is missing a value/);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  },
);
