import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { EJSON } from "bson";
import { MongoClient } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDocumentServer, type DocumentServer } from "../../../src/document-server/index.ts";
import { requireOracle } from "../../oracle.ts";
import { declaredSkip, FOLDERS, LEFT_OUT } from "./declared-skips.ts";
import { runCase } from "./run-case.ts";
import { readSpecificationFiles } from "./specification-archive.ts";
import { unmetRequirement, type Deployment, type TestCase, type TestFile } from "./test-file.ts";

const archive = requireOracle("mongodb-specifications", "MongoDB's specification tests");

/** What the document server says of itself: hello, buildInfo and getParameter are held against it below. */
const DEPLOYMENT: Deployment = { version: [8, 0, 0], topology: "single", hasAuth: false, parameters: { enableTestCommands: true } };

/** A file of the format is told by its schema version; the others have runners of their own in each driver. */
function parse(text: string): TestFile | undefined {
  const file = EJSON.parse(text, { relaxed: true }) as Partial<TestFile>;
  return file.schemaVersion !== undefined && Array.isArray(file.tests) ? (file as TestFile) : undefined;
}

function notHere(file: TestFile, one: TestCase): string | undefined {
  return unmetRequirement(file.runOnRequirements, DEPLOYMENT) ?? unmetRequirement(one.runOnRequirements, DEPLOYMENT) ?? one.skipReason;
}

let folder: string;
let server: DocumentServer;
let observer: MongoClient;

async function outcomeOf(file: TestFile, one: TestCase): Promise<Error | undefined> {
  return await runCase(server.uri, observer, file, one).then(
    () => undefined,
    (thrown: unknown) => thrown as Error,
  );
}

describe.runIf(archive !== undefined)("MongoDB's specification tests", () => {
  const all = archive === undefined ? new Map<string, string>() : readSpecificationFiles(archive);
  const files = [...all].flatMap(([name, text]) => {
    if (!FOLDERS.some((one) => name.startsWith(`${one}/`))) return [];
    const file = parse(text);
    return file ? [{ name, file }] : [];
  });

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "specifications-"));
    server = await startDocumentServer({ dataDir: folder, port: 0 });
    observer = await MongoClient.connect(server.uri);
  });
  afterAll(async () => {
    await observer.close();
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("the server is what the tests are chosen by", async () => {
    const admin = observer.db("admin");
    expect((await admin.command({ buildInfo: 1 })).versionArray.slice(0, 3)).toEqual(DEPLOYMENT.version);
    expect(await admin.command({ hello: 1 })).not.toHaveProperty("setName");
    expect(await admin.command({ getParameter: 1, enableTestCommands: 1 })).toMatchObject(DEPLOYMENT.parameters);
  });

  test("every folder of the distribution is read or left out for a reason", () => {
    const known = new Set([...FOLDERS.map((one) => one.split("/")[0]), ...Object.keys(LEFT_OUT)]);
    const folders = new Set([...all.keys()].flatMap((name) => (name.includes("/") ? [name.split("/")[0] as string] : [])));
    expect([...folders].filter((one) => !known.has(one))).toEqual([]);
  });

  for (const { name, file } of files) {
    const here = file.tests.filter((one) => notHere(file, one) === undefined);
    if (here.length === 0) continue;
    const mustFail = name.startsWith("unified-test-format/valid-fail/");
    describe(name, () => {
      for (const one of here) {
        const reason = declaredSkip(name, one);
        if (reason !== undefined || mustFail)
          test(`${one.description}: ${reason ?? "is to fail"}`, async () => {
            expect(await outcomeOf(file, one), "a test that is declared not to pass does").toBeInstanceOf(Error);
          });
        else
          test(one.description, async () => {
            const failure = await outcomeOf(file, one);
            if (failure) throw failure;
          });
      }
    });
  }
});
