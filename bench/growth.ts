import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs, promisify } from "node:util";
import type { GrowthFigures, RestartFigures } from "./growth-run.ts";
import { describeMachine, loadNow } from "./machine.ts";

const USAGE = `Grows the state of an aggregation and says what a key, a batch that touches few keys, and a restart cost.

  npm run bench:growth -- [options]
    --keys N,N,…    sizes of the state (10,1000,100000,1000000)
    --json FILE     where the figures go besides the screen
`;

const run = promisify(execFile);

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

const { values } = parseArgs({
  options: {
    keys: { type: "string", default: "10,1000,100000,1000000" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
const sizes = values.keys.split(",").map(Number);
if (values.help) process.stdout.write(USAGE);
else if (sizes.some((keys) => !Number.isSafeInteger(keys) || keys < 1)) {
  process.stderr.write(`--keys needs whole numbers from 1 on, not ${values.keys}\n`);
  process.exitCode = 2;
} else {
  const loadBefore = loadNow();
  const figures: (GrowthFigures & RestartFigures)[] = [];
  for (const keys of sizes) {
    const one = await measure(keys);
    figures.push(one);
    process.stdout.write(
      `${keys} keys: ${one.messagesPerSecond} msg/s, ${one.rssBytesPerKey} B a key in memory (the state says ${one.stateBytesPerKey}); ` +
        `a batch of ${one.touchedKeys} keys: ${one.batchMs} ms, ${one.checkpointBytes} B (mean with snapshots ${one.checkpointBytesMean} B), ` +
        `state commit ${one.stateCommitMs} ms, at most ${one.stateCommitMsMax} ms; ` +
        `on disk ${one.stateFolderBytes} B in ${one.stateFiles} files; restart ${one.restartMs} ms\n`,
    );
  }
  const machine = describeMachine(loadBefore);
  process.stdout.write(
    `on ${machine.cores} × ${machine.cpu}, Node ${machine.node}, load ${machine.load.before} to ${machine.load.after}\n`,
  );
  if (values.json) await writeFile(values.json, `${JSON.stringify({ benchmark: "growth", machine, figures }, null, 2)}\n`);
}
