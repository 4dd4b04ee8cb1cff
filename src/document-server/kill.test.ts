import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { MongoClient } from "mongodb";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { createRandom } from "../base/random.ts";

const MAIN = new URL("./main.ts", import.meta.url);
const folders: string[] = [];
const children = new Set<ChildProcess>();

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "kill-"));
  folders.push(folder);
  return folder;
}

async function start(dataDir: string): Promise<{ readonly child: ChildProcess; readonly uri: string; readonly ended: Promise<unknown[]> }> {
  const child = fork(MAIN, ["--data", dataDir, "--port", "0"], { stdio: ["ignore", "ignore", "inherit", "ipc"], execArgv: [] });
  children.add(child);
  const ended = once(child, "exit");
  void ended.then(() => children.delete(child));
  const [ready] = (await once(child, "message")) as [{ type: string; host: string; port: number }];
  expect(ready).toMatchObject({ type: "ready", host: "127.0.0.1" });
  return { child, uri: `mongodb://${ready.host}:${ready.port}/?directConnection=true&serverSelectionTimeoutMS=2000`, ended };
}

afterEach(async () => {
  for (const child of children) {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
});
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

describe("the server as a process", () => {
  test.each([11, 12, 13, 14, 15, 16])(
    "kill -9 during bulk upserts loses no acknowledged write and leaves no half document (seed %i)",
    async (seed) => {
      const random = createRandom(seed);
      const folder = await newFolder();
      const first = await start(folder);
      const client = await MongoClient.connect(first.uri);
      type Item = { _id: string; round: number; group: number; pad: string };
      const acknowledged = new Map<string, number>();
      let bulksLeft = 1 + random.below(60);
      const collection = client.db("d").collection<Item>("c");
      const writer = async (name: string): Promise<void> => {
        for (let round = 0; ; round++) {
          const ids = Array.from({ length: 200 }, () => `${name}-${random.below(2000)}`);
          const journal = random.below(4) === 0 ? { writeConcern: { j: true } } : {};
          await collection.bulkWrite(
            ids.map((_id) => ({
              replaceOne: { filter: { _id }, replacement: { round, group: round % 7, pad: "x".repeat(200) }, upsert: true },
            })),
            journal,
          );
          for (const id of ids) acknowledged.set(id, round);
          if (--bulksLeft === 0) first.child.kill("SIGKILL");
        }
      };
      await collection.createIndex({ group: 1 });
      await Promise.allSettled(["a", "b", "c"].map(writer));
      await first.ended;
      await client.close();

      const second = await start(folder);
      const other = await MongoClient.connect(second.uri);
      try {
        const stored = new Map((await other.db("d").collection<Item>("c").find().toArray()).map((item) => [item._id, item]));
        expect(acknowledged.size, `nothing was written before the kill, seed ${seed}`).toBeGreaterThan(0);
        for (const [id, round] of acknowledged) {
          const item = stored.get(id);
          expect(item, `seed ${seed}: ${id} is lost`).toBeDefined();
          expect(item?.round, `seed ${seed}: ${id} is older than acknowledged`).toBeGreaterThanOrEqual(round);
          expect(item?.pad.length).toBe(200);
        }
        for (let group = 0; group < 7; group++) {
          const byIndex = await other.db("d").collection("c").countDocuments({ group });
          expect(byIndex, `seed ${seed}: the index disagrees`).toBe([...stored.values()].filter((item) => item.group === group).length);
        }
      } finally {
        await other.close();
        second.child.kill("SIGTERM");
        expect((await second.ended)[0]).toBe(0);
      }
    },
  );

  test("it ends by itself when its parent goes", async () => {
    const { child, ended } = await start(await newFolder());
    child.disconnect();
    expect((await ended)[0]).toBe(0);
  });

  test("why it cannot start is one message on stderr, and exit code 1", async () => {
    const folder = await newFolder();
    const first = await start(folder);
    for (const [args, message] of [
      [
        ["--data", folder, "--port", "0"],
        /Cannot open the document server's data in .* \(another process has it open\)\. Stop the other server/,
      ],
      [["--data", await newFolder(), "--port", String(new URL(first.uri).port)], /the port is held by .*\. Stop that program/],
      [[], /no data folder/],
    ] as const) {
      const child = fork(MAIN, [...args], { stdio: ["ignore", "ignore", "pipe", "ipc"], execArgv: [] });
      children.add(child);
      let said = "";
      child.stderr?.setEncoding("utf8").on("data", (text: string) => (said += text));
      const [code] = (await once(child, "close")) as [number];
      children.delete(child);
      expect(code).toBe(1);
      expect(said).toMatch(message);
      expect(said).not.toContain("    at ");
    }
    first.child.kill("SIGTERM");
    await first.ended;
  });
});
