import { mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { readLines, writeLines } from "./checked-file.ts";
import { CheckpointError, RESTORE_OR_RENEW } from "./checkpoint-error.ts";

/** The number of small files after which they are put together, while there are few entries. */
const FEWEST_FILES = 10;
/** The same, however many entries there are. */
const MOST_FILES = 1000;

/** One line of a log, with the number of the write that brought it. */
export type LogEntry = { readonly number: number; readonly line: string };

/** What a log holds: its entries in order, the numbers of its last file with all entries and of its last write (−1 without), the files since that one. */
export type LogContent = {
  readonly entries: readonly LogEntry[];
  readonly base: number;
  readonly latest: number;
  readonly since: number;
};

/**
 * A log that is never cut off at its old end, as that of seen files (Spark's CompactibleFileStreamLog): `<number>` has the lines of one write;
 * now and then `<number>.compact` has all lines up to there, each behind its number, and the older files go. The more entries there are the
 * rarer that is, so that its cost stays in proportion.
 */
export interface CompactLog {
  /** The number of the last write; −1 before the first. */
  readonly latest: number;
  /** Adds the lines of a write; its number is above all others. */
  write(number: number, lines: readonly string[]): Promise<void>;
}

/** Opens (and makes) the folder; leftovers of interrupted writes are swept. @throws CheckpointError for a damaged file */
export async function openCompactLog(folder: string): Promise<CompactLog & { readonly content: LogContent }> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) if (name.endsWith(".tmp")) await rm(path.join(folder, name), { force: true });
  const content = (await readCompactLog(folder)) ?? { entries: [], base: -1, latest: -1, since: 0 };
  await removeBelow(folder, content.base);
  let { latest, since } = content;
  let based = content.entries.filter((entry) => entry.number <= content.base).length;
  const write = async (number: number, lines: readonly string[]): Promise<void> => {
    if (since + 1 < Math.min(MOST_FILES, Math.max(FEWEST_FILES, based / 10))) {
      await writeLines(path.join(folder, String(number)), lines);
      since++;
    } else {
      const known = (await readCompactLog(folder))?.entries ?? [];
      const all = [...known, ...lines.map((line) => ({ number, line }))];
      await writeLines(
        path.join(folder, `${number}.compact`),
        all.map((entry) => `${entry.number} ${entry.line}`),
      );
      based = all.length;
      since = 0;
      await removeBelow(folder, number);
    }
    latest = number;
  };
  return {
    content,
    get latest() {
      return latest;
    },
    write,
  };
}

/**
 * Reads a log, also one that another process is writing: where a file has gone since the folder was listed, the files that have taken its place
 * are read instead. Undefined where the folder has no log.
 * @throws CheckpointError for a damaged file; the system's error where there is no folder
 */
export async function readCompactLog(folder: string): Promise<LogContent | undefined> {
  for (;;) {
    const files = await listed(folder);
    if (files.length === 0) return undefined;
    const base = files.reduce((high, file) => (file.compact ? Math.max(high, file.number) : high), -1);
    const entries: LogEntry[] = [];
    let complete = true;
    let since = 0;
    for (const { name, number, compact } of files) {
      if (number < base || (number === base && !compact)) continue;
      const file = path.join(folder, name);
      const lines = await readLines(file);
      if (!lines) {
        complete = false;
        break;
      }
      if (!compact) since++;
      for (const line of lines) if (line !== "") entries.push(compact ? numbered(line, file) : { number, line });
    }
    if (complete) return { entries, base, latest: files.at(-1)?.number ?? -1, since };
  }
}

async function listed(folder: string): Promise<{ name: string; number: number; compact: boolean }[]> {
  return (await readdir(folder))
    .filter((name) => /^\d+(\.compact)?$/.test(name))
    .map((name) => ({ name, number: Number.parseInt(name, 10), compact: name.endsWith(".compact") }))
    .sort((a, b) => a.number - b.number);
}

function numbered(line: string, file: string): LogEntry {
  const [, number, text] = /^(\d+) (.*)$/s.exec(line) ?? [];
  if (number !== undefined && text !== undefined) return { number: Number(number), line: text };
  throw new CheckpointError("CHECKPOINT_FOREIGN", {
    failed: `Cannot read ${file}`,
    found: "a line has no number",
    remedy: RESTORE_OR_RENEW,
  });
}

async function removeBelow(folder: string, number: number): Promise<void> {
  for (const file of await listed(folder))
    if (file.number < number || (file.number === number && !file.compact)) await rm(path.join(folder, file.name), { force: true });
}
