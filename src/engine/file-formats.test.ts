import { mkdir, mkdtemp, readdir, readFile, rename, rm, truncate, utimes, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ManualClock } from "../base/clock.ts";
import { createSession } from "./api/session.ts";
import type { Session } from "./api/session.ts";
import type { StreamingQuery } from "./query/streaming-query.ts";
import { bigint, double, int, string, struct, timestamp } from "./types/schema-builder.ts";

const reading = struct({ device: string(), value: double(), at: timestamp() });
let folder: string;
let session: Session;
const at = (...names: readonly string[]): string => path.join(folder, ...names);

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-files-"));
  await mkdir(at("in"));
  session = createSession();
});
afterEach(async () => {
  await session.streams.stopAll();
  await rm(folder, { recursive: true, force: true });
});

let clock = 1_700_000_000;
async function drop(name: string, content: string | Uint8Array): Promise<void> {
  await writeFile(at("in", `.${name}`), content);
  await utimes(at("in", `.${name}`), ++clock, clock);
  await rename(at("in", `.${name}`), at("in", name));
}

type Batches = [number, readonly unknown[]][];
async function run(
  batches: Batches,
  options: Readonly<Record<string, string | number>> = {},
  fail?: (id: number) => boolean,
): Promise<StreamingQuery> {
  return session.readStream
    .format("text")
    .options(options)
    .load(at("in"))
    .writeStream.option("checkpointLocation", at("checkpoint"))
    .trigger({ availableNow: true })
    .foreachBatch((rows, id) => {
      batches.push([id, rows.map((row) => row.value)]);
      if (fail?.(id)) throw new Error("the sink is away");
    })
    .start();
}

describe("files as a stream", () => {
  test("every file is read once, the oldest first, at most maxFilesPerTrigger a batch", async () => {
    for (const name of ["c", "a", "b"]) await drop(name, `${name}\n`);
    const batches: Batches = [];
    await (await run(batches, { maxFilesPerTrigger: 2 })).awaitTermination();
    await drop("d", "d\n");
    await (await run(batches, { maxFilesPerTrigger: 2 })).awaitTermination();
    expect(batches).toEqual([
      [0, ["c", "a"]],
      [1, ["b"]],
      [2, ["d"]],
    ]);
  });

  test("latestFirst turns the order round", async () => {
    for (const name of ["a", "b", "c"]) await drop(name, `${name}\n`);
    const batches: Batches = [];
    await (await run(batches, { maxFilesPerTrigger: 1, latestFirst: "true" })).awaitTermination();
    expect(batches.map(([, rows]) => rows)).toEqual([["c"], ["b"], ["a"]]);
  });

  test("a batch that failed reads the same files again, whatever has arrived meanwhile", async () => {
    await drop("a", "a\n");
    const batches: Batches = [];
    const failing = await run(batches, {}, () => true);
    await expect(failing.awaitTermination()).rejects.toThrow("the sink is away");
    await drop("b", "b\n");
    await (await run(batches)).awaitTermination();
    expect(batches).toEqual([
      [0, ["a"]],
      [0, ["a"]],
      [1, ["b"]],
    ]);
  });

  test("a damaged note of seen files stops the start with its name", async () => {
    await drop("a", "a\n");
    await (await run([])).awaitTermination();
    await truncate(at("checkpoint", "sources", "0", "seen", "0"), 20);
    await expect(run([])).rejects.toThrow(path.join("sources", "0", "seen", "0"));
  });

  test("a running query is told of new files, without looking again and again: its clock stands still", async () => {
    session = createSession({ clock: new ManualClock(1_700_000_000_000) });
    const seen: unknown[] = [];
    let heard: () => void = () => undefined;
    const one = new Promise<void>((resolve) => (heard = resolve));
    const query = await session.readStream
      .format("text")
      .load(at("in"))
      .writeStream.foreach((row) => {
        seen.push(row.value);
        heard();
      })
      .start();
    await query.processAllAvailable();
    await drop("a", "now\n");
    await one;
    await query.processAllAvailable();
    expect(seen).toEqual(["now"]);
    expect(query.lastProgress?.sources[0]?.description).toBe(`FileStreamSource[file:${at("in")}]`);
    await query.stop();
  });

  test("patterns, hidden files, pathGlobFilter and recursiveFileLookup", async () => {
    await mkdir(at("in", "sub"));
    await drop("x.txt", "x\n");
    await drop("y.log", "y\n");
    await drop("_z.txt", "z\n");
    await writeFile(at("in", "sub", "deep.txt"), "deep\n");
    const values = async (given: string, options: Readonly<Record<string, string>> = {}): Promise<unknown[]> =>
      (await session.read.options(options).text(given).collect()).map((row) => row.value).sort();
    expect(await values(at("in", "*.txt"))).toEqual(["x"]);
    expect(await values(at("in"))).toEqual(["x", "y"]);
    expect(await values(at("in"), { pathGlobFilter: "*.log" })).toEqual(["y"]);
    expect(await values(at("in"), { recursiveFileLookup: "true" })).toEqual(["deep", "x", "y"]);
    await expect(values(at("nowhere"))).rejects.toThrow("Path does not exist");
  });
});

describe("files as tables", () => {
  test("JSON lines are read by the schema; a malformed line gives nulls and its text (PERMISSIVE)", async () => {
    const schema = struct({ device: string(), value: double(), at: timestamp(), _corrupt_record: string() });
    await drop("a.json", '\uFEFF{"device":"a","value":1.5,"at":"2026-01-01T00:00:00Z"}\r\n\r\n{"device":"b","value":"x"}\n{broken\n');
    expect(await session.read.format("json").schema(schema).load(at("in")).collect()).toEqual([
      { device: "a", value: 1.5, at: "2026-01-01T00:00:00.000Z", _corrupt_record: null },
      { device: "b", value: null, at: null, _corrupt_record: '{"device":"b","value":"x"}' },
      { device: null, value: null, at: null, _corrupt_record: "{broken" },
    ]);
    const plain = session.read.schema(reading);
    expect((await plain.option("mode", "DROPMALFORMED").json(at("in")).collect()).map((row) => row.device)).toEqual(["a"]);
    await expect(plain.option("mode", "FAILFAST").json(at("in")).collect()).rejects.toThrow("Malformed records are detected");
  });

  test("CSV with a header, quotes, escapes, a separator and packed", async () => {
    await drop("a.csv.gz", gzipSync('name;n\n"a;b";1\n"say \\"hi\\"";2\n;3\n# no record\n'));
    const rows = await session.read
      .schema(struct({ name: string(), n: int() }))
      .options({ header: true, sep: ";", comment: "#" })
      .csv(at("in"))
      .collect();
    expect(rows).toEqual([
      { name: "a;b", n: 1 },
      { name: 'say "hi"', n: 2 },
      { name: null, n: 3 },
    ]);
  });

  test.each([
    [{}, "schema", "Schema must be specified"],
    [{ maxFilesPerTrigger: 0 }, undefined, "maxFilesPerTrigger"],
    [{ maxFileAge: "1d" }, undefined, "maxFileAge is not there"],
    [{ encoding: "ISO-8859-1" }, undefined, "ISO-8859-1"],
    [{ locale: "de-DE" }, undefined, "de-DE"],
  ])("options %o are refused", (options, without, message) => {
    const reader = session.readStream.format("json").options(options);
    expect(() => (without ? reader : reader.schema(reading)).load(at("in"))).toThrow(message);
  });
});

describe("files as a sink", () => {
  const numbers = struct({ n: bigint(), name: string(), value: double(), at: timestamp() });
  const out = (): Promise<string[]> => readdir(at("out"));

  test("a batch that is written twice is there once, and readers see committed files only", async () => {
    const sink = await session.internals
      .formatOf("json")
      .openSink?.({ options: { path: at("out") }, clock: session.clock, outputMode: "append" });
    if (!sink) throw new Error("no sink");
    const batch = { batchId: 0, schema: numbers, rows: [[1, "a", 2, 0] as unknown[]], outputMode: "append" as const };
    const { signal } = new AbortController();
    await sink.write(batch, signal);
    await sink.write(batch, signal);
    await writeFile(at("out", "part-of-a-batch-that-was-never-committed.json"), '{"n":9}\n');
    expect(await session.read.schema(numbers).json(at("out")).collect()).toEqual([
      { n: 1, name: "a", value: 2, at: "1970-01-01T00:00:00.000Z" },
    ]);
    expect(await readFile(at("out", (await out()).find((name) => name.includes("batch-0")) ?? ""), "utf8")).toBe(
      '{"n":1,"name":"a","value":2.0,"at":"1970-01-01T00:00:00.000Z"}\n',
    );
  });

  test("a query that failed after its file was written counts the rows once", async () => {
    const input = session.memoryStream(struct({ n: int() }));
    const start = (): Promise<StreamingQuery> =>
      input
        .toDF()
        .writeStream.format("csv")
        .option("checkpointLocation", at("checkpoint"))
        .trigger({ availableNow: true })
        .start(at("out"));
    input.addData([[1], [2]]);
    await (await start()).awaitTermination();
    await rm(at("checkpoint", "commits", "0"));
    input.addData([[3]]);
    await (await start()).awaitTermination();
    const rows = await session.read
      .schema(struct({ n: int() }))
      .csv(at("out"))
      .collect();
    expect(rows.map((row) => row.n)).toEqual([1, 2, 3]);
    expect(await readdir(at("out", "_spark_metadata"))).toEqual(["0", "1"]);
  });

  test("a stream reads what another one has written", async () => {
    const input = session.memoryStream(struct({ value: string() }));
    const writing = await input.toDF().writeStream.format("text").option("checkpointLocation", at("c1")).start(at("out"));
    input.addData([["one"], ["two"]]);
    await writing.processAllAvailable();
    const seen: unknown[] = [];
    const reading = await session.readStream
      .text(at("out"))
      .writeStream.foreach((row) => void seen.push(row.value))
      .start();
    await reading.processAllAvailable();
    input.addData([["three"]]);
    await writing.processAllAvailable();
    await reading.processAllAvailable();
    expect(seen).toEqual(["one", "two", "three"]);
  });

  test("only append mode, and only columns that the format holds", async () => {
    const counts = session
      .memoryStream(struct({ k: string() }))
      .toDF()
      .groupBy("k")
      .count();
    await expect(counts.writeStream.outputMode("complete").format("json").start(at("out"))).rejects.toThrow(
      "does not support complete output mode",
    );
    await expect(
      session
        .memoryStream(struct({ k: string() }))
        .toDF()
        .writeStream.format("json")
        .start(),
    ).rejects.toThrow("'path' is not specified");
    const nested = session.createDataFrame([[1]], struct({ n: int() })).select((r) => ({ s: r.n.cast("string"), n: r.n }));
    await expect(nested.write.text(at("out"))).rejects.toThrow("exactly one column of type string");
  });
});

describe("batch writes", () => {
  const frame = (...values: readonly string[]): ReturnType<Session["createDataFrame"]> =>
    session.createDataFrame(
      values.map((one) => [one]),
      struct({ value: string() }),
    );
  const read = async (): Promise<unknown[]> => (await session.read.text(at("out")).collect()).map((row) => row.value).sort();

  test("errorifexists, append, ignore, overwrite", async () => {
    await frame("a").write.text(at("out"));
    await expect(frame("b").write.text(at("out"))).rejects.toThrow("already exists");
    await frame("b").write.mode("append").text(at("out"));
    await frame("c").write.mode("ignore").text(at("out"));
    expect(await read()).toEqual(["a", "b"]);
    await frame("d").write.mode("overwrite").text(at("out"));
    expect(await read()).toEqual(["d"]);
    expect(await readdir(at("out"))).toContain("_SUCCESS");
    expect(() => frame("a").write.mode("sometimes")).toThrow("Valid save modes");
  });

  test("CSV with header comes back as it went", async () => {
    const schema = struct({ name: string(), n: int(), at: timestamp() });
    const rows = [
      ["plain", 1, "2026-01-01T00:00:00.000Z"],
      ['with "quotes", and comma', -2, "2026-01-01T00:00:00.500Z"],
      [null, null, null],
    ] as const;
    await session.createDataFrame(rows, schema).write.option("header", true).csv(at("out"));
    expect((await session.read.schema(schema).option("header", true).csv(at("out")).collect()).map((row) => Object.values(row))).toEqual(
      rows,
    );
  });

  test("other sinks get the rows as one batch, and only append", async () => {
    await frame("a").write.format("noop").mode("append").save();
    await expect(frame("a").write.format("noop").mode("overwrite").save()).rejects.toThrow("only added");
    await expect(frame("a").write.format("rate").save()).rejects.toThrow("can only be read");
    await expect(
      session
        .memoryStream(struct({ value: string() }))
        .toDF()
        .write.text(at("out")),
    ).rejects.toThrow("must be executed with writeStream.start()");
  });
});
