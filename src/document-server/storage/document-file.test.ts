import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { encodeDocument, keyOf } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import { Catalog } from "./catalog.ts";
import { DocumentFile } from "./document-file.ts";

let folder: string;
let file: DocumentFile;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "document-file-"));
  file = new DocumentFile(folder);
});
afterEach(() => {
  file.close();
  rmSync(folder, { recursive: true, force: true });
});

test("writes of one turn share a transaction, in order; a refusal is its own", async () => {
  const order: string[] = [];
  file.exec("CREATE TABLE t (n INTEGER)");
  const insert = (n: number): void => {
    order.push(`run ${n}`);
    file.prepare("INSERT INTO t VALUES (?)").run(n);
  };
  const first = file.write(() => insert(1)).then(() => order.push("answer 1"));
  const refused = file.write(() => {
    throw new CommandFailure("BadValue", "no");
  });
  const second = file.write(() => insert(2), { sync: true }).then(() => order.push("answer 2"));
  await expect(refused).rejects.toMatchObject({ codeName: "BadValue" });
  await Promise.all([first, second]);
  expect(order).toEqual(["run 1", "run 2", "answer 1", "answer 2"]);
});

test("F15: a full disk fails every write of the transaction with 14031 and leaves all as it was; with space it goes on", async () => {
  const catalog = new Catalog(file);
  const insert = (name: string, id: number, bytes: number): Promise<void> =>
    file.write(() => catalog.findOrCreate("d", name).insert(keyOf(id), encodeDocument({ _id: id, text: "x".repeat(bytes) })));
  await insert("kept", 1, 10);
  file.exec("PRAGMA max_page_count = 60");
  const small = insert("fresh", 1, 10);
  const large = insert("kept", 2, 1_000_000);
  await expect(large).rejects.toMatchObject({ codeName: "OutOfDiskSpace", code: 14031 });
  await expect(small).rejects.toMatchObject({ codeName: "OutOfDiskSpace" });
  expect(catalog.collections("d").map((collection) => [collection.name, collection.count()])).toEqual([["kept", 1]]);
  file.exec("PRAGMA max_page_count = 100000");
  await insert("kept", 2, 1_000_000);
  expect(catalog.find("d", "kept")?.count()).toBe(2);
});

test("after close a write is refused", async () => {
  file.close();
  await expect(file.write(() => 1)).rejects.toMatchObject({ codeName: "InterruptedAtShutdown" });
});
