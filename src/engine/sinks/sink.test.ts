import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { systemClock } from "../../base/clock.ts";
import { createSession } from "../api/session.ts";
import { int, struct } from "../types/schema-builder.ts";
import { MemoryTable } from "./builtin.ts";
import { openFileSink } from "./file-sink.ts";
import { sinkContract } from "./sink.contract.ts";

sinkContract("memory", () => {
  const table = new MemoryTable();
  return Promise.resolve({
    open: () => Promise.resolve(table),
    numbers: () => Promise.resolve(table.rows.map((row) => Number(row.n))),
    close: () => Promise.resolve(),
  });
});

for (const format of ["json", "csv"] as const) {
  sinkContract(`file (${format})`, async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-sink-"));
    return {
      open: () => openFileSink(format, { options: { path: folder }, clock: systemClock, outputMode: "append" }),
      numbers: async () => {
        const rows = await createSession()
          .read.schema(struct({ n: int() }))
          .format(format)
          .load(folder)
          .collect();
        return rows.map((row) => Number(row.n)).sort((a, b) => a - b);
      },
      close: () => rm(folder, { recursive: true, force: true }),
    };
  });
}
