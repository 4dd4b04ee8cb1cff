import type { Command } from "commander";
import type { CheckpointInspection } from "../engine/checkpoint/inspection.ts";

/** `streamlab checkpoint inspect|verify <folder>`: what a query's checkpoint says, whether it is sound, what a restart does. Exit code 0 sound, 1 not. */
export function addCheckpoint(program: Command): void {
  const command = program.command("checkpoint").description("what is in a query's checkpoint, whether it is sound, what a restart does");
  const actions = [
    ["inspect", "print everything that a checkpoint says", inspectionText],
    ["verify", "check every file; exit code 0 where a restart and every retained batch are sound, 1 where not", verdictText],
  ] as const;
  for (const [name, description, text] of actions) {
    command
      .command(name)
      .argument("<folder>", "the query's checkpointLocation")
      .description(description)
      .option("--json", "print JSON")
      .addHelpText("after", `\nExample:\n  streamlab checkpoint ${name} checkpoints/metrics`)
      .action(async (folder: string, flags: { readonly json?: boolean }) => {
        const { inspectCheckpoint } = await import("../engine/checkpoint/inspection.ts");
        const found = await inspectCheckpoint(folder);
        process.stdout.write(flags.json ? `${JSON.stringify({ sound: found.faults.length === 0, ...found })}\n` : text(found));
        if (found.faults.length > 0) process.exitCode = 1;
      });
  }
}

function inspectionText(found: CheckpointInspection): string {
  const { begun, committed, holder } = found;
  const conf = Object.entries(begun?.conf ?? {}).map(([name, value]) => `  ${name}=${value}`);
  return [
    `query       ${found.queryId ?? "unknown"}`,
    `lock        ${holder ? `process ${holder.pid}${holder.alive ? "" : ", which is gone: the next start takes it over"}` : "free"}`,
    `begun       ${begun ? `batch ${begun.batchId} at ${new Date(begun.batchTimestampMs).toISOString()}` : "nothing"}`,
    `committed   ${committed ? `batch ${committed.batchId}` : "nothing"}`,
    `watermark   ${new Date(found.watermarkMs).toISOString()}`,
    `offsets     ${span(found.offsets.batches)}, ${bytesText(found.offsets.bytes)}`,
    `commits     ${span(found.commits.batches)}, ${bytesText(found.commits.bytes)}`,
    ...found.initialOffsets.map(
      (initial, i) => `source ${i}    from ${JSON.stringify(initial)} to ${JSON.stringify(begun?.offsets[i] ?? initial)}`,
    ),
    ...found.state.map(
      (state) =>
        `state ${state.operator}     ${state.name}: ${state.snapshots.length} snapshots, ${state.deltas.length} deltas, ${bytesText(state.bytes)}`,
    ),
    ...(found.journal.files > 0 ? [`journal     ${found.journal.files} segments, ${bytesText(found.journal.bytes)}`] : []),
    ...(conf.length > 0 ? ["settings", ...conf] : []),
    `size        ${bytesText(found.bytes)}`,
    verdictText(found),
  ].join("\n");
}

function verdictText(found: CheckpointInspection): string {
  const faults = found.faults.map((fault) => `${fault.file}: ${fault.found} [${fault.code}]\n  ${fault.remedy}`);
  const swept = found.leftovers.map((file) => `${file}: left by an interrupted write; the next start sweeps it`);
  const restored = found.restored.map((file) => `${file}: lost in a power cut; the next start puts it back from the journal`);
  const verdict = found.faults.length === 0 ? "sound" : `${found.faults.length} fault${found.faults.length === 1 ? "" : "s"}: not sound`;
  return `${[...faults, ...swept, ...restored, verdict, `A restart ${restartText(found)}.`].join("\n")}\n`;
}

function restartText({ restart }: CheckpointInspection): string {
  if (!restart) return "is refused until the files above are put back";
  if (restart.action === "begin")
    return `begins batch ${restart.batchId} from ${restart.from.map((one) => JSON.stringify(one)).join(", ")}`;
  const ranges = restart.ranges.map(({ from, to }) => `${JSON.stringify(from)} to ${JSON.stringify(to)}`);
  return `runs batch ${restart.batchId} again, from ${ranges.join(", ")}`;
}

function span(batches: readonly number[]): string {
  const [first, last] = [batches[0], batches.at(-1)];
  return first === undefined ? "none" : `batches ${first} to ${last}`;
}

function bytesText(bytes: number): string {
  return bytes < 10_000 ? `${bytes} bytes` : bytes < 10_000_000 ? `${Math.round(bytes / 1000)} kB` : `${Math.round(bytes / 1_000_000)} MB`;
}
