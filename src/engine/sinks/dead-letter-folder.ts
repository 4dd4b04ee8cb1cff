import { mkdir } from "node:fs/promises";
import path from "node:path";
import { writeFileAtomic } from "../../base/atomic-file.ts";
import { toJsonValue } from "../types/json-value.ts";
import type { Sink } from "./sink.ts";

/** Dead letters as files `<batch>.jsonl` of a folder: topic, partition, offset, reason, value (base64 of the raw bytes). The same batch again replaces its file. */
export async function openDeadLetterFolder(folder: string): Promise<Sink> {
  await mkdir(folder, { recursive: true });
  return {
    description: `DeadLetters[${folder}]`,
    write: async ({ batchId, rows, schema }) => {
      const lines = rows.map((row) => JSON.stringify(toJsonValue(row, schema)));
      await writeFileAtomic(path.join(folder, `${batchId}.jsonl`), `${lines.join("\n")}\n`);
    },
    close: () => Promise.resolve(),
  };
}
