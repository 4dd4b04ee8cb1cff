import fc from "fast-check";
import fs, { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import os from "node:os";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { bootId } from "../../base/lock-file.ts";
import { FileJournal } from "./file-journal.ts";

/** A folder as a checkpoint has it, with a journal. */
interface Place {
  readonly folder: string;
  fileOf(name: string): string;
  journalFiles(): string[];
  opened(): Promise<FileJournal>;
}

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function newPlace(): Promise<Place> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-journal-"));
  folders.push(folder);
  mkdirSync(path.join(folder, "offsets"));
  return {
    folder,
    fileOf: (name) => path.join(folder, "offsets", name),
    journalFiles: () => (existsSync(path.join(folder, "journal")) ? readdirSync(path.join(folder, "journal")) : []),
    opened: async () => {
      const journal = new FileJournal(folder);
      await journal.open();
      return journal;
    },
  };
}

/** Makes the journal one of an earlier start of the machine, as it is after a power cut. */
function reboot({ folder, journalFiles }: Place): void {
  const [mine, other] = [Buffer.from(bootId()), Buffer.from("x".repeat(bootId().length))];
  for (const name of journalFiles()) {
    const file = path.join(folder, "journal", name);
    const bytes = readFileSync(file);
    expect(bytes.indexOf(mine)).toBe(8);
    bytes.set(other, 8);
    writeFileSync(file, bytes);
  }
}

const names = fc.constantFrom("0", "1", "2", "3", "4");
const contents = fc.oneof(
  { weight: 8, arbitrary: fc.uint8Array({ maxLength: 300 }) },
  { weight: 1, arbitrary: fc.constant(new Uint8Array(70_000).fill(7)) },
);

test("after a power cut every synced file has what was last written to it, whichever of them the file system lost", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof({ weight: 5, arbitrary: fc.tuple(names, contents) }, { weight: 1, arbitrary: fc.constant("restart" as const) }), {
        maxLength: 30,
      }),
      fc.array(fc.tuple(names, fc.constantFrom("gone", "empty", "older"))),
      async (steps, losses) => {
        const place = await newPlace();
        const { fileOf, journalFiles, opened } = place;
        let journal = await opened();
        const expected = new Map<string, Uint8Array>();
        const settled = new Set<string>();
        let restarted = false;
        for (const step of steps) {
          if (step === "restart") {
            journal = await opened();
            restarted = true;
            continue;
          }
          if (restarted) for (const known of expected.keys()) settled.add(known);
          restarted = false;
          const [name, content] = step;
          await journal.write(fileOf(name), content);
          expected.set(name, content);
          if (content.length > 65_536) settled.add(name);
          else settled.delete(name);
        }
        await journal.sync();
        for (const [name, content] of expected) expect(readFileSync(fileOf(name)).equals(content)).toBe(true);
        for (const [name, how] of losses) {
          if (!expected.has(name) || settled.has(name)) continue;
          if (how === "gone") rmSync(fileOf(name), { force: true });
          else if (how === "older") writeFileSync(fileOf(name), "older");
          else writeFileSync(fileOf(name), "");
        }
        reboot(place);
        await opened();
        for (const [name, content] of expected) expect(readFileSync(fileOf(name)).equals(content), name).toBe(true);
        expect(journalFiles()).toEqual([]);
      },
    ),
    { numRuns: 25 },
  );
});

describe("while the machine runs", () => {
  test("the files are the truth: one that is missing or damaged is not put back", async () => {
    const { fileOf, opened } = await newPlace();
    const journal = await opened();
    await journal.write(fileOf("0"), Buffer.from("zero"));
    await journal.write(fileOf("1"), Buffer.from("one"));
    await journal.sync();
    rmSync(fileOf("0"));
    writeFileSync(fileOf("1"), "damaged");
    const again = await opened();
    expect(existsSync(fileOf("0"))).toBe(false);
    expect(readFileSync(fileOf("1"), "utf8")).toBe("damaged");
    await again.close();
  });

  test("a file is there as soon as it is written", async () => {
    const { folder, fileOf, opened } = await newPlace();
    const journal = await opened();
    await journal.write(fileOf("0"), Buffer.from("zero"));
    expect(readFileSync(fileOf("0"), "utf8")).toBe("zero");
    expect(readdirSync(path.join(folder, "offsets"))).toEqual(["0"]);
    await journal.close();
  });

  test("a journal that was closed leaves nothing but the files", async () => {
    const { folder, fileOf, opened } = await newPlace();
    const journal = await opened();
    for (let i = 0; i < 50; i++) await journal.write(fileOf(String(i)), Buffer.from(`batch ${i}`));
    for (let i = 0; i < 20; i++) journal.discard(fileOf(String(i)));
    await journal.close();
    expect(readdirSync(folder)).toEqual(["offsets"]);
    expect(readdirSync(path.join(folder, "offsets"))).toHaveLength(30);
  });
});

test("a file made of a discarded one holds its own content only, also where that is shorter", async () => {
  const { fileOf, opened } = await newPlace();
  const journal = await opened();
  await journal.write(fileOf("0"), Buffer.from("long content of an old batch"));
  journal.discard(fileOf("0"));
  await journal.write(fileOf("1"), Buffer.from("short"));
  expect(readFileSync(fileOf("1"), "utf8")).toBe("short");
  expect(existsSync(fileOf("0"))).toBe(false);
  await journal.close();
});

test("a journal that goes on for long keeps a few segments, and what they hold is enough after a power cut", async () => {
  const place = await newPlace();
  const { fileOf, journalFiles, opened } = place;
  let journal = await opened();
  const content = (i: number): Buffer => Buffer.from(`${i} `.repeat(1600));
  const batches = 2200;
  for (let i = 0; i < batches; i++) {
    await journal.write(fileOf(String(i)), content(i));
    if (i >= 100) journal.discard(fileOf(String(i - 100)));
    if (i % 10 === 0) await journal.sync();
  }
  await journal.sync();
  expect(journalFiles().length).toBeGreaterThan(1);
  expect(journalFiles().length).toBeLessThanOrEqual(5);
  for (let i = batches - 50; i < batches; i++) truncateSync(fileOf(String(i)), 1);
  reboot(place);
  journal = await opened();
  for (let i = batches - 90; i < batches; i++) expect(readFileSync(fileOf(String(i))).equals(content(i)), String(i)).toBe(true);
  await journal.close();
});

test("what was cut off or flipped at the end of a journal is what was never synced: it is left out, and nothing before it", async () => {
  const place = await newPlace();
  const { folder, fileOf, opened } = place;
  const journal = await opened();
  for (let i = 0; i < 5; i++) await journal.write(fileOf(String(i)), Buffer.from(`batch ${i}`));
  await journal.sync();
  reboot(place);
  const segment = path.join(folder, "journal", "1");
  const whole = readFileSync(segment);
  const last = whole.indexOf("batch 4");
  rmSync(path.join(folder, "offsets"), { recursive: true });
  whole.writeUInt8(0xff, last);
  writeFileSync(segment, whole);
  await opened();
  expect(readdirSync(path.join(folder, "offsets"))).toEqual(["0", "1", "2", "3"]);
});

test("where the disk refuses a sync, what it was to cover is not there, and nothing more is taken", async () => {
  const { folder, fileOf, opened } = await newPlace();
  const journal = await opened();
  await journal.write(fileOf("0"), Buffer.from("zero"));
  await journal.sync();
  await journal.write(fileOf("1"), Buffer.from("one"));
  const { fdatasync, fsync } = fs;
  const refused = (_: number, done: (error: Error) => void): void => done(Object.assign(new Error("EIO: i/o error"), { code: "EIO" }));
  Object.assign(fs, { fdatasync: refused, fsync: refused });
  syncBuiltinESMExports();
  try {
    await expect(journal.sync()).rejects.toThrow(/EIO/);
  } finally {
    Object.assign(fs, { fdatasync, fsync });
    syncBuiltinESMExports();
  }
  await expect(journal.write(fileOf("2"), Buffer.from("two"))).rejects.toThrow(/EIO/);
  await journal.close();
  expect(readdirSync(path.join(folder, "offsets"))).toEqual(["0"]);
  await (await opened()).close();
  expect(readdirSync(folder)).toEqual(["offsets"]);
});
