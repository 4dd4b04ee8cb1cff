import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { projectRoot } from "../../src/base/project.ts";
import { startBroker, type Broker } from "../../src/broker/broker.ts";
import { cacheFolder } from "../../src/stack/state-folder.ts";
import { reportMissing, requireOracle } from "../oracle.ts";

const run = promisify(execFile);
const SOURCES = path.join(import.meta.dirname, "franz-go");
const WHAT_FOR = "franz-go against the broker";
/** A cold build fetches and compiles the client. */
const BUILD_MS = 240_000;

/** Builds the program where it has not been built from the same sources before; undefined where its modules cannot be had. */
async function build(go: string): Promise<string | undefined> {
  const hash = createHash("sha256");
  for (const name of (await readdir(SOURCES)).sort()) hash.update(await readFile(path.join(SOURCES, name)));
  const program = path.join(cacheFolder(projectRoot), "franz-go", hash.digest("hex").slice(0, 16));
  const built = await run(go, ["build", "-mod=readonly", "-o", program, "."], { cwd: SOURCES, timeout: BUILD_MS }).catch(() => undefined);
  return built ? program : undefined;
}

const go = requireOracle("go", WHAT_FOR);
const program = go === undefined ? undefined : await build(go);
if (go !== undefined && program === undefined) reportMissing("go", `${WHAT_FOR} (its modules cannot be fetched)`);

describe.runIf(program !== undefined)("franz-go", () => {
  let folder: string;
  let broker: Broker;
  const saw = new Map<string, unknown>();
  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-franz-go-"));
    broker = await startBroker({ dataDir: folder });
    const { stdout } = await run(program ?? "", [broker.address], { timeout: 90_000 });
    for (const line of stdout.trim().split("\n")) {
      const said = JSON.parse(line) as { readonly step: string; readonly saw: unknown };
      saw.set(said.step, said.saw);
    }
  }, 120_000);
  afterAll(async () => {
    await broker.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("an idempotent producer's records come back in order with every codec", () => {
    expect(saw.get("codecs")).toEqual({ none: 200, gzip: 200, snappy: 200, lz4: 200, zstd: 200 });
  });

  test("an administrator sees topics, configs, and offsets by time", () => {
    expect(saw.get("admin")).toEqual({
      again: "TOPIC_ALREADY_EXISTS: Topic with this name already exists.",
      configs: { "max.message.bytes": "2000", "retention.ms": "604800000" },
      start: 0,
      end: 3,
      "at 1500": 1,
      latest: 1,
    });
  });

  test("two members share by cooperative rebalances; the one that stays goes on behind the commits of the other", () => {
    const second = Array.from({ length: 20 }, (_, i) => `${Math.floor(i / 5)}/${5 + (i % 5)}  ${20 + Math.floor(i / 5) + 4 * (i % 5)}`);
    expect(saw.get("group")).toEqual({ first: 20, second, committed: [10, 10, 10, 10] });
  });

  test("a static member that comes back causes no rebalance", () => {
    expect(saw.get("static")).toEqual({ generations: [1, 1] });
  });

  test("read_committed sees committed transactions alone", () => {
    const committed = ["0/0  0-0", "0/1  0-1", "0/10  2-2", "0/2  0-2", "0/8  2-0", "0/9  2-1"];
    const aborted = ["0/4  1-0", "0/5  1-1", "0/6  1-2"];
    expect(saw.get("transactions")).toEqual({ committed, uncommitted: [...committed, ...aborted].sort() });
  });
});
