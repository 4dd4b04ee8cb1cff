import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { EJSON } from "bson";
import { MongoClient } from "mongodb";
import { startDocumentServer } from "../../../src/document-server/index.ts";
import { fetchSpecificationArchive, readSpecificationFiles } from "./specification-archive.ts";
import { runCase } from "./run-case.ts";
import { unmetRequirement, type TestFile } from "./test-file.ts";

const wanted = process.argv[2] ?? "crud";
const only = process.argv[3];
const folder = mkdtempSync(path.join(tmpdir(), "spec-"));
const server = await startDocumentServer({ dataDir: folder, port: 0 });
const observer = await MongoClient.connect(server.uri);
const files = readSpecificationFiles(fetchSpecificationArchive("python3")!);
let pass = 0,
  fail = 0,
  skip = 0;
const build = await observer.db("admin").command({ buildInfo: 1 });
const deployment = {
  version: build.versionArray as number[],
  topology: "single" as const,
  hasAuth: false,
  parameters: { enableTestCommands: true },
};
for (const [name, text] of files) {
  if (!new RegExp(wanted).test(name)) continue;
  const file = EJSON.parse(text, { relaxed: true }) as TestFile;
  if (!file.tests || !file.schemaVersion) continue;
  for (const test of file.tests) {
    if (only && !test.description.includes(only)) continue;
    const why =
      unmetRequirement(file.runOnRequirements, deployment) ?? unmetRequirement(test.runOnRequirements, deployment) ?? test.skipReason;
    if (why) {
      skip++;
      if (process.env.SKIPS) console.log("skip", name, test.description, why);
      continue;
    }
    const t = performance.now();
    try {
      await runCase(server.uri, observer, file, test);
      pass++;
    } catch (e) {
      fail++;
      console.log(`FAIL ${name} | ${test.description}\n     ${(e as Error).name} ${(e as Error).message.slice(0, 700)}`);
      if (process.env.STACK) console.log((e as Error).stack);
    }
    if (performance.now() - t > 1000) console.log("slow", name, test.description, performance.now() - t);
  }
}
console.log({ pass, fail, skip });
await observer.close();
await server.close();
rmSync(folder, { recursive: true, force: true });
process.exit(0);
