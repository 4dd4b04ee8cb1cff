import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Clock, systemClock } from "../base/clock.ts";
import type { ServiceSpec } from "./service-process.ts";
import { startService } from "./service-process.ts";
import { type ServiceEvent, type SupervisedService, superviseService } from "./supervisor.ts";

let folder = "";
const running: SupervisedService[] = [];
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "streamlab-supervisor-"));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((service) => service.stop()));
  rmSync(folder, { recursive: true, force: true });
});

function service(code: string): ServiceSpec {
  const module = path.join(folder, "service.mjs");
  writeFileSync(module, code);
  return { name: "test service", module: path.relative(path.dirname(import.meta.dirname), module), args: [] };
}

async function supervised(code: string, maxRestarts?: number): Promise<SupervisedService> {
  const started = await superviseService(service(code), maxRestarts === undefined ? {} : { maxRestarts });
  running.push(started);
  return started;
}

const STAYS = 'process.send({ type: "ready", port: 1 }); process.on("disconnect", () => process.exit(0)); setInterval(() => {}, 1e6);';

function nextEvent(of: SupervisedService, state: ServiceEvent["state"]): Promise<ServiceEvent> {
  return new Promise((resolve) => of.onEvent((event) => event.state === state && resolve(event)));
}

test("a service that was killed is started again with a new pid", async () => {
  const it = await supervised(STAYS);
  const before = it.pid;
  const up = nextEvent(it, "up");
  process.kill(before, "SIGKILL");
  expect((await up).pid).not.toBe(before);
  expect(it.restarts).toBe(1);
});

test("a service that was asked to end is not started again", async () => {
  const it = await supervised(STAYS);
  const down = nextEvent(it, "down");
  await it.stop();
  await down;
  expect(it.restarts).toBe(0);
});

test("a service that ends again and again is started after growing pauses, and a stop ends the pause", async () => {
  const slept: number[] = [];
  let reached: () => void = () => {};
  const fourth = new Promise<void>((resolve) => (reached = resolve));
  const clock: Clock = {
    ...systemClock,
    sleep: (ms, signal) => {
      slept.push(ms);
      if (slept.length < 4) return Promise.resolve();
      reached();
      return systemClock.sleep(60_000, signal);
    },
  };
  const it = await superviseService(service('process.send({ type: "ready" }, () => process.exit(3));'), { clock });
  running.push(it);
  await fourth;
  expect(slept).toEqual([100, 200, 400, 800]);
  await it.stop();
  expect(it.restarts).toBe(5);
});

test("a service that cannot stay up is given up after the agreed number of starts, and says so", async () => {
  const it = await supervised('process.send({ type: "ready" }, () => process.exit(3));', 2);
  expect(await it.gaveUp).toBe("the test service ended 3 times, at last with exit 3");
});

test("a service that dies before it is ready fails with what it said on stderr", async () => {
  await expect(startService(service('console.error("the disk is made of cheese"); process.exit(1);'))).rejects.toThrow(
    "The test service did not start (its process ended with exit 1: the disk is made of cheese)",
  );
});

test("waiting for a service that never gets ready ends with its time limit", async () => {
  await expect(startService(service("setInterval(() => {}, 1e6);"), { timeoutMs: 200 })).rejects.toThrow("not ready after 0.2 s");
});

test("what a service says before it is ready, or before anybody listens, reaches the first listener", async () => {
  const it = await supervised(`process.send({ type: "position", at: 1 }); process.send({ type: "position", at: 2 }); ${STAYS}`);
  const heard: unknown[] = [];
  it.onMessage((message) => heard.push(message));
  expect(heard).toEqual([
    { type: "position", at: 1 },
    { type: "position", at: 2 },
  ]);
});
