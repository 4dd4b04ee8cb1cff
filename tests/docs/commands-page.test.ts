import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { projectRoot } from "../../src/base/project.ts";
import { startTestCluster, type TestCluster } from "../../src/kafka/test-cluster.ts";

const page = readFileSync(path.join(projectRoot, "docs/commands.md"), "utf8");
const lines = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap((block) => (block[1] ?? "").trim().split("\n"));

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startTestCluster();
});
afterAll(() => cluster.close());

/** Runs one line as a shell does, with `streamlab` for the launcher. */
function shell(line: string): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
  return new Promise((resolve) => {
    const command = `streamlab() { "${process.execPath}" "${path.join(projectRoot, "bin/streamlab.mjs")}" "$@"; }\n${line}`;
    const child = spawn("/bin/sh", ["-c", command], { env: { ...process.env, STREAMLAB_KAFKA: cluster.address, NO_COLOR: "1" } });
    const ran = { out: "", err: "" };
    child.stdout.on("data", (chunk: Buffer) => (ran.out += String(chunk)));
    child.stderr.on("data", (chunk: Buffer) => (ran.err += String(chunk)));
    child.once("close", (code) => resolve({ code, ...ran }));
    child.stdin.end();
  });
}

test.skipIf(process.platform === "win32")(
  "every line of docs/commands.md runs, in their order, and ends with 0",
  async () => {
    expect(lines.length).toBeGreaterThan(30);
    for (const line of lines) {
      const { code, err } = await shell(line);
      expect([line, code, code === 0 ? "" : err]).toEqual([line, 0, ""]);
    }
    expect((await shell("streamlab offsets --topic test_topic --partitions 0 --time -2")).out).toBe("test_topic:0:5\n");
  },
  240_000,
);
