import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs, promisify } from "node:util";
import { measureLogs, type LogFigures, type LogSize } from "./growth-log.ts";
import type { GrowthFigures, OverlapFigures, RestartFigures } from "./growth-run.ts";
import { describeMachine, loadNow } from "./machine.ts";

const USAGE = `Grows the state of an aggregation and says what a key, a batch that touches few keys, and a restart cost;
then what a message costs that counts in several windows, in topics of several sizes and with several partitions.

  npm run bench:growth -- [options]
    --keys N,N,…       sizes of the state (10,1000,100000,1000000); 10 keys are about 1 kB, 15000000 about 1 GB
    --overlap N,N,…    windows that a message counts in (1,6,60)
    --partitions N,N,… partitions of the topic (1,8,64)
    --log N,N,…        messages in the topic (1000,100000,1000000); 50000000 takes minutes and 10 GB of disk
    --json FILE        where the figures go besides the screen
`;

const run = promisify(execFile);

/** Messages in the topics whose partitions differ. */
const PARTITIONED = 300_000;

async function inOwnProcess<T>(...args: readonly string[]): Promise<T> {
  const { stdout } = await run(process.execPath, [path.join(import.meta.dirname, "growth-run.ts"), ...args]);
  return JSON.parse(stdout) as T;
}

async function measure(keys: number): Promise<GrowthFigures & RestartFigures> {
  const folder = await mkdtemp(path.join(tmpdir(), "streamlab-growth-"));
  try {
    const checkpoint = path.join(folder, "checkpoint");
    const growth = await inOwnProcess<GrowthFigures>("grow", checkpoint, String(keys));
    return { ...growth, ...(await inOwnProcess<RestartFigures>("restart", checkpoint)) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureOverlap(overlap: number): Promise<OverlapFigures> {
  const folder = await mkdtemp(path.join(tmpdir(), "streamlab-growth-"));
  try {
    return await inOwnProcess<OverlapFigures>("overlap", path.join(folder, "checkpoint"), String(overlap));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const { values } = parseArgs({
  options: {
    keys: { type: "string", default: "10,1000,100000,1000000" },
    overlap: { type: "string", default: "1,6,60" },
    partitions: { type: "string", default: "1,8,64" },
    log: { type: "string", default: "1000,100000,1000000" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
const sizes = values.keys.split(",").map(Number);
const overlaps = values.overlap.split(",").map(Number);
const partitions = values.partitions.split(",").map(Number);
const logs = values.log.split(",").map(Number);
const wrong = Object.entries({ keys: sizes, overlap: overlaps, partitions, log: logs }).find(([, list]) =>
  list.some((one) => !Number.isSafeInteger(one) || one < 1),
);
if (values.help) process.stdout.write(USAGE);
else if (wrong) {
  process.stderr.write(`--${wrong[0]} needs whole numbers from 1 on, not ${wrong[1].join(",")}\n`);
  process.exitCode = 2;
} else {
  const loadBefore = loadNow();
  const figures: (GrowthFigures & RestartFigures)[] = [];
  for (const keys of sizes) {
    const one = await measure(keys);
    figures.push(one);
    process.stdout.write(
      `${keys} keys: ${one.messagesPerSecond} msg/s, ${one.liveBytesPerKey} B a key in memory (resident ${one.rssBytesPerKey}, the state says ${one.stateBytesPerKey}); ` +
        `a batch of ${one.touchedKeys} keys: ${one.batchMs} ms, ${one.checkpointBytes} B, ${Math.round(one.checkpointBytes / one.touchedKeys)} a key (mean with snapshots ${one.checkpointBytesMean} B), ` +
        `state commit ${one.stateCommitMs} ms, at most ${one.stateCommitMsMax} ms; ` +
        `on disk ${one.stateFolderBytes} B in ${one.stateFiles} files, the newest snapshot ${one.snapshotBytes} B; restart ${one.restartMs} ms\n`,
    );
  }
  const overlapped: OverlapFigures[] = [];
  for (const overlap of overlaps) {
    const one = await measureOverlap(overlap);
    overlapped.push(one);
    process.stdout.write(`overlap ${overlap}: ${one.messagesPerSecond} msg/s, ${one.stateRows} groups at the end\n`);
  }
  const topics: LogSize[] = [
    ...partitions.map((count) => ({ messages: PARTITIONED, partitions: count })),
    ...logs.map((messages) => ({ messages, partitions: 3 })),
  ];
  const drained: LogFigures[] = await measureLogs(topics, new AbortController().signal, (one) =>
    process.stdout.write(
      `${one.messages} messages in ${one.partitions} partitions: ${one.messagesPerSecond} msg/s, ${one.messagesPerCpuSecond} per CPU-second, ` +
        `${one.peakRssMiB} MiB at most, ${one.counted} of ${one.expected} counted\n`,
    ),
  );
  const machine = describeMachine(loadBefore);
  process.stdout.write(
    `on ${machine.cores} × ${machine.cpu}, Node ${machine.node}, load ${machine.load.before} to ${machine.load.after}\n`,
  );
  if (values.json)
    await writeFile(values.json, `${JSON.stringify({ benchmark: "growth", machine, figures, overlapped, drained }, null, 2)}\n`);
}
