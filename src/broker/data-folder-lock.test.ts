import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockDataFolder } from "./data-folder-lock.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-lock-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("one broker has the folder; the next is refused until it is given back, and nothing is left of it", async () => {
  const release = await lockDataFolder(folder);
  await expect(lockDataFolder(folder)).rejects.toThrow(/another broker of this process uses the folder/);
  await release();
  await (
    await lockDataFolder(folder)
  )();
  expect(await readdir(folder)).toEqual([]);
});

test.each([
  ["is empty", ""],
  ["is half written", '{"pid":1,"boot'],
  ["is of another boot", JSON.stringify({ pid: process.pid, bootId: "another", processStart: "1", token: "t" })],
])("a lock that %s is taken over", async (_, text) => {
  await writeFile(path.join(folder, "broker.lock"), text);
  const release = await lockDataFolder(folder);
  await expect(lockDataFolder(folder)).rejects.toThrow(/DATA_FOLDER_IN_USE|uses the folder/);
  await release();
});

test("of many that find a stale lock at the same moment one gets the folder", async () => {
  for (let round = 0; round < 20; round++) {
    await writeFile(
      path.join(folder, "broker.lock"),
      JSON.stringify({ pid: 4_194_303, bootId: "gone", processStart: "", token: `t${round}` }),
    );
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lockDataFolder(folder)));
    const taken = tries.filter((one) => one.status === "fulfilled");
    expect(taken.length).toBe(1);
    for (const one of taken) await one.value();
  }
});

test("the lock of a process that was killed is taken over, that of a living one is not", async () => {
  const lock = path.join(import.meta.dirname, "data-folder-lock.ts");
  const script = `import { lockDataFolder } from ${JSON.stringify(lock)}; await lockDataFolder(process.argv[1]); process.stdout.write("held"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, folder], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    await once(child.stdout, "data");
    await expect(lockDataFolder(folder)).rejects.toThrow(`process ${child.pid} uses the folder`);
  } finally {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  await (
    await lockDataFolder(folder)
  )();
});

test("the lock in the format before tokens is held as long as its process lives", async () => {
  const file = path.join(folder, "broker.lock");
  const child = spawn(process.execPath, ["-e", "process.stdout.write('up'); setInterval(() => {}, 1000)"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await once(child.stdout, "data");
    const stat = await readFile(`/proc/${child.pid}/stat`, "utf8").catch(() => "");
    const startedAt = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
    for (const started of [startedAt, ""]) {
      await writeFile(file, JSON.stringify({ pid: child.pid, startedAt: started }));
      await expect(lockDataFolder(folder)).rejects.toThrow(`process ${child.pid} uses the folder`);
    }
    if (startedAt !== "") {
      await writeFile(file, JSON.stringify({ pid: child.pid, startedAt: String(Number(startedAt) - 1) }));
      await (
        await lockDataFolder(folder)
      )();
    }
    await writeFile(file, JSON.stringify({ pid: child.pid, startedAt }));
  } finally {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  await (
    await lockDataFolder(folder)
  )();
});
