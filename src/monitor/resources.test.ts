import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { ManualClock, systemClock } from "../base/clock.ts";
import {
  cpuSecondsFromStat,
  createResourceSampler,
  processReaderFor,
  processesFromPs,
  readOwnProcess,
  rssMbFromStatus,
  type ProcessUse,
} from "./resources.ts";

test("/proc stat is read behind the last bracket, whatever the process is called", () => {
  expect(cpuSecondsFromStat("42 (a (b) c) R 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 11 0 100 1000 200")).toBe(3);
});

test("/proc status gives resident memory, none of a zombie", () => {
  expect(rssMbFromStatus("Name:\tnode\nVmHWM:\t  204800 kB\nVmRSS:\t  102400 kB\n")).toBe(100);
  expect(rssMbFromStatus("Name:\tnode\nState:\tZ (zombie)\n")).toBe(0);
});

test("ps lines of macOS and BSD are understood", () => {
  const found = processesFromPs("  101   2048   0:01.50\n  102 102400 01:02:03\n  103   1024 2-00:00:10\nrubbish\n");
  expect([...found]).toEqual([
    [101, { cpuSeconds: 1.5, rssMb: 2 }],
    [102, { cpuSeconds: 3723, rssMb: 100 }],
    [103, { cpuSeconds: 172_810, rssMb: 1 }],
  ]);
});

test("CPU is the share of the time between two samples; a new pid starts at zero; a dead process is left out", async () => {
  const clock = new ManualClock();
  let uses = new Map<number, ProcessUse>([[7, { cpuSeconds: 10, rssMb: 50 }]]);
  const sampler = createResourceSampler(clock, async () => uses);
  sampler.watch("broker", 7);
  expect(await sampler.sample()).toEqual([{ process: "broker", pid: 7, cpuPercent: 0, rssMb: 50 }]);
  clock.advance(2000);
  uses = new Map([[7, { cpuSeconds: 11, rssMb: 60 }]]);
  expect(await sampler.sample()).toEqual([{ process: "broker", pid: 7, cpuPercent: 50, rssMb: 60 }]);
  sampler.watch("broker", 8);
  uses = new Map([[8, { cpuSeconds: 5, rssMb: 40 }]]);
  expect(await sampler.sample()).toEqual([{ process: "broker", pid: 8, cpuPercent: 0, rssMb: 40 }]);
  uses = new Map();
  expect(await sampler.sample()).toEqual([]);
});

test("this platform's reader agrees with the process's own account", async () => {
  const own = await readOwnProcess([process.pid]);
  const asked = await processReaderFor(process.platform)([process.pid, 2 ** 22 + 1]);
  expect([...asked.keys()]).toEqual([process.pid]);
  expect(Math.abs((asked.get(process.pid)?.rssMb ?? 0) - (own.get(process.pid)?.rssMb ?? 0))).toBeLessThan(64);
});

test.skipIf(process.platform === "win32")("a busy child is seen using its core", async () => {
  const child = spawn(process.execPath, ["-e", "console.log('up'); for (;;);"], { stdio: ["ignore", "pipe", "ignore"] });
  try {
    await once(child.stdout, "data");
    const sampler = createResourceSampler(systemClock);
    sampler.watch("busy", child.pid ?? 0);
    await sampler.sample();
    const deadline = performance.now() + 15_000;
    let cpu = 0;
    while (cpu === 0 && performance.now() < deadline) {
      await systemClock.sleep(100);
      cpu = (await sampler.sample())[0]?.cpuPercent ?? 0;
    }
    expect(cpu).toBeGreaterThan(0);
  } finally {
    child.kill("SIGKILL");
  }
});
