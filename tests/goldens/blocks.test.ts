import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { runCase } from "./run-case.ts";
import { casesOf, goldenFiles } from "./run.ts";

/** What in generated code says that a text is read from its bytes. */
const READS: Readonly<Record<string, RegExp>> = {
  json: /\/\/ JSON, \d+ of \d+ fields from its bytes/g,
  csv: /\/\/ CSV, \d+ of \d+ fields from its bytes/g,
  cast: /\/\/ (?:try_)?cast to \w+, from its bytes/g,
  split: /part(?:s it|s between "."), from the bytes/g,
  comparison: /bytesTest\$\d+\(/g,
};

const cases = (await Promise.all((await goldenFiles(path.join(import.meta.dirname, "cases"))).map(casesOf))).flat();

describe("texts that come in blocks", () => {
  const found = new Map(Object.keys(READS).map((kind) => [kind, 0]));
  /** Counts what is read from bytes; says whether anything is. */
  const counted = (code: string): boolean => {
    let any = false;
    for (const [kind, pattern] of Object.entries(READS)) {
      const times = code.match(pattern)?.length ?? 0;
      found.set(kind, (found.get(kind) ?? 0) + times);
      any ||= times > 0;
    }
    return any;
  };

  test.for(cases.map((golden) => [golden.name, golden] as const))("%s", async ([, golden]) => {
    let fromBytes = false;
    const failure = await runCase(golden, { blocks: true, onCode: (code) => (fromBytes = counted(code) || fromBytes) });
    expect(failure, "from bytes").toBeUndefined();
    if (!fromBytes) return;
    const read: string[] = [];
    const full = await runCase(golden, { blocks: true, byteScanners: false, onCode: (code) => void (counted(code) && read.push(code)) });
    expect(full, "by the full rules").toBeUndefined();
    expect(read, "spark.sql.codegen.byteScanners=false leaves nothing that is read from bytes").toEqual([]);
  });

  afterAll(() => {
    for (const [kind, times] of found) expect(times, `how often cases read ${kind} from bytes`).toBeGreaterThan(0);
  });
});
