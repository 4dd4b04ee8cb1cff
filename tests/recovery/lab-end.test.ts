import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requireOracle } from "../oracle.ts";
import { type LabProcess, startLab, until } from "./lab-process.ts";

let out = "";
const labs: LabProcess[] = [];
beforeAll(async () => {
  out = await mkdtemp(path.join(tmpdir(), "streamlab-lab-end-"));
});
afterAll(async () => {
  for (const lab of labs) lab.kill();
  await rm(out, { recursive: true, force: true });
});

function lab(...args: readonly string[]): LabProcess {
  const report = path.join(out, String(labs.length));
  const started = startLab(["--seconds", "3", "--rate", "200", "--port", "0", "--out", report, ...args]);
  labs.push(started);
  return started;
}

const isProducing = (it: LabProcess): boolean => it.members().some(({ command }) => command.includes("generator-process"));

function expectNothingLeft(it: LabProcess): void {
  expect(it.members(), it.output()).toEqual([]);
  expect(it.folders(), it.output()).toEqual([]);
}

describe.skipIf(process.platform !== "linux")("the end of a lab", () => {
  test.each([
    ["before its first process is up", (it: LabProcess) => it.said(/starting servers/)],
    ["while its servers start", (it: LabProcess) => until("two services", () => it.members().length >= 3)],
    [
      "while its engine starts",
      (it: LabProcess) => until("the engine", () => it.members().some(({ command }) => command.includes("engine-process"))),
    ],
  ])("Ctrl+C %s: exit code 130, no process and no file of it is left", async (_, moment) => {
    const it = lab();
    await moment(it);
    it.signal("SIGINT");
    expect(await it.ended, it.output()).toBe(130);
    expectNothingLeft(it);
    expect(it.output()).not.toContain("report:");
  });

  test("Ctrl+C while it produces: what was acknowledged is stored and reported, exit code 130, nothing is left", async () => {
    const it = lab("--seconds", "60");
    await until("the generator", () => isProducing(it));
    await it.said(/producing/);
    it.signal("SIGINT");
    expect(await it.ended, it.output()).toBe(130);
    expectNothingLeft(it);
    expect(it.output()).toContain("report:");
    expect(it.output()).not.toMatch(/failed check in (processing|storage)/);
  });

  const chromium = requireOracle("chromium", "the end of a lab while a browser takes its pictures");
  test.runIf(chromium)(
    "Ctrl+C while a browser takes its pictures: the browser ends, the report is written, exit code 130, nothing is left",
    async () => {
      const it = startLab(["--seconds", "3", "--rate", "200", "--port", "0", "--out", path.join(out, "pictures")], chromium);
      labs.push(it);
      await until("the browser", () => it.members().some(({ command }) => command.includes("--headless")));
      it.signal("SIGINT");
      expect(await it.ended, it.output()).toBe(130);
      expect(it.output()).toContain("report:");
      expectNothingLeft(it);
    },
  );

  test("Ctrl+C after it produced, while it drains and checks: the report is written, exit code 130, nothing is left", async () => {
    const it = lab("--seconds", "1");
    await until("the generator", () => isProducing(it));
    await until("the end of producing", () => !isProducing(it));
    it.signal("SIGINT");
    expect(await it.ended, it.output()).toBe(130);
    expectNothingLeft(it);
    expect(it.output()).toContain("report:");
  });

  test("a second Ctrl+C ends it at once, its processes end by themselves, and the next run sweeps what is left of its data", async () => {
    const it = lab("--seconds", "60");
    await until("the generator", () => isProducing(it));
    let over = false;
    void it.ended.then(() => (over = true));
    it.signal("SIGINT");
    while (!over) {
      await Promise.race([it.ended, new Promise((resolve) => setTimeout(resolve, 50))]);
      it.signal("SIGINT");
    }
    expect(await it.ended, it.output()).toBe(130);
    expect(it.output()).not.toContain("report:");
    await until("the end of its processes", () => it.members().length === 0);
    const next = lab();
    await next.said(/starting servers/);
    next.signal("SIGINT");
    expect(await next.ended).toBe(130);
    expectNothingLeft(it);
  });

  test("kill -9 of the lab: its processes end by themselves, and the next run sweeps its data", async () => {
    const it = lab("--seconds", "60");
    await until("the generator", () => isProducing(it));
    it.signal("SIGKILL");
    expect(await it.ended).toBe("SIGKILL");
    expect(it.folders()).toHaveLength(1);
    await until("the end of its processes", () => it.members().length === 0);
    const next = lab();
    await next.said(/starting servers/);
    next.signal("SIGINT");
    expect(await next.ended).toBe(130);
    expectNothingLeft(it);
  });

  test("a second lab beside a first one runs on ports of its own", async () => {
    const addresses = (it: LabProcess): Promise<RegExpExecArray> =>
      it.said(/dashboard http:\/\/[^ ]+:(\d+)\/? · kafka [^ ]+:(\d+) · mongo [^ ]+:(\d+)/);
    const first = lab("--seconds", "1", "--keep");
    const ports = (await addresses(first)).slice(1);
    const second = lab("--seconds", "1");
    const others = (await addresses(second)).slice(1);
    expect(new Set([...ports, ...others]).size).toBe(6);
    await second.ended;
    for (const it of [first, second]) {
      await it.said(/report: /);
      expect(it.output()).not.toMatch(/failed check in (infrastructure|processing|storage|visualisation)/);
    }
    await first.said(/Ctrl\+C ends it/);
    first.signal("SIGINT");
    expect(await first.ended, first.output()).toBe(first.output().includes("failed check") ? 1 : 0);
    expectNothingLeft(first);
    expectNothingLeft(second);
  });

  test("a --port that is taken: exit code 1 and a message that names the port and who holds it", async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = holder.address() as AddressInfo;
      const it = lab("--port", String(port));
      expect(await it.ended, it.output()).toBe(1);
      expect(it.output()).toContain(`Cannot start the dashboard on port ${port}`);
      expect(it.output()).toMatch(new RegExp(`in use by .*\\(pid ${process.pid}\\)`));
      expectNothingLeft(it);
      expect(existsSync(path.join(out, "report.md"))).toBe(false);
    } finally {
      holder.close();
    }
  });
});
