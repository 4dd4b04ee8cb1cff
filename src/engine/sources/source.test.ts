import { mkdtemp, rename, rm, writeFile, mkdir } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { ManualClock } from "../../base/clock.ts";
import { fileFormats } from "../file-formats.ts";
import type { Format } from "../formats.ts";
import { int, struct } from "../types/schema-builder.ts";
import { MemoryInput } from "./memory.ts";
import { rateFormat } from "./rate.ts";
import type { Source } from "./source.ts";
import { sourceContract } from "./source.contract.ts";

function opened(format: Format, context: Parameters<NonNullable<Format["openSource"]>>[0]): Promise<Source> {
  if (!format.openSource) throw new Error("no source");
  return format.openSource(context);
}

sourceContract("memory", () => {
  const input = new MemoryInput("numbers", struct({ n: int() }));
  let n = 0;
  return Promise.resolve({
    open: () => Promise.resolve(input.open()),
    add: () => Promise.resolve(input.add([[n++], [n++]])),
    close: () => Promise.resolve(),
  });
});

sourceContract("rate", () => {
  const clock = new ManualClock(1_767_225_600_000);
  return Promise.resolve({
    open: () => opened(rateFormat, { options: { rowsPerSecond: "3" }, clock }),
    add: () => Promise.resolve(clock.advance(1000)),
    close: () => Promise.resolve(),
  });
});

for (const [name, line] of [
  ["json", (n: number): string => `{"n":${n}}`],
  ["csv", String],
] as const) {
  sourceContract(`file (${name})`, async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-files-"));
    const data = path.join(folder, "data");
    await mkdir(data);
    const clock = new ManualClock();
    let n = 0;
    const format = fileFormats.find((one) => one.name === name);
    return {
      open: () =>
        opened(format as Format, {
          options: { path: data },
          clock,
          schema: struct({ n: int() }),
          checkpointDir: path.join(folder, "sources", "0"),
        }),
      add: async () => {
        const file = path.join(data, `${String(n).padStart(4, "0")}.${name}`);
        await writeFile(path.join(folder, "new"), `${line(n++)}\n${line(n++)}\n`);
        await rename(path.join(folder, "new"), file);
      },
      close: () => rm(folder, { recursive: true, force: true }),
    };
  });
}
