import { InvalidArgumentError, type Command } from "commander";
import path from "node:path";
import { openJupyterLab } from "../notebook/jupyterlab.ts";
import { navigationText, withNavigation } from "../notebook/navigation.ts";
import { NotebookError } from "../notebook/notebook-error.ts";
import { readNotebook, writeNotebook } from "../notebook/notebook-file.ts";
import { listNotebooks } from "../notebook/notebook-folder.ts";
import type { ParameterValue } from "../notebook/parameters.ts";
import { describeFailure, runNotebook, type NotebookRun } from "../notebook/run-notebook.ts";
import { checkNotebook } from "../notebook/static-checks.ts";
import { wholeNumber } from "./backend-options.ts";
import { Interrupted } from "./failure.ts";

interface RunFlags {
  readonly profile: "quick" | "full";
  readonly set?: Readonly<Record<string, ParameterValue>>;
  readonly timeout: number;
  readonly write?: boolean;
  readonly json?: boolean;
}

/** `streamlab notebooks run | open | check`. */
export function addNotebooks(program: Command): void {
  const notebooks = program.command("notebooks").description("run, open or check the notebooks");
  notebooks
    .command("run")
    .argument("[files...]", "notebooks; all of notebooks/ without any")
    .description("run notebooks from top to bottom without Jupyter")
    .option("--profile <profile>", "quick, or full for the report's figures", profile, "quick")
    .option("--set <name=value>", "a parameter of the notebooks (repeat for more)", parameter)
    .option("--timeout <seconds>", "the longest that one cell may take", wholeNumber(1), 120)
    .option("--write", "write the outputs into the files")
    .option("--json", "print the results as JSON")
    .addHelpText("after", "\nExample:\n  streamlab notebooks run notebooks/03-stream-processing.ipynb --set seconds=5")
    .action((files: string[], flags: RunFlags) => untilInterrupted((signal) => runAll(files, flags, signal)));
  notebooks
    .command("open")
    .argument("[file]", "a notebook; the folder without one")
    .description("open the notebooks in JupyterLab")
    .option("--no-browser", "print the address only")
    .addHelpText("after", "\nExample:\n  streamlab notebooks open")
    .action((file: string | undefined, flags: { browser: boolean }) =>
      untilInterrupted((signal) => openJupyterLab({ ...(file === undefined ? {} : { file }), browser: flags.browser, signal })),
    );
  notebooks
    .command("check")
    .argument("[files...]", "notebooks; all of notebooks/ without any")
    .description("check the rules that need no run: form, thin cells, links, clean outputs")
    .option("--fix", "rewrite the links between the notebooks first")
    .option("--json", "print the findings as JSON")
    .addHelpText("after", "\nExample:\n  streamlab notebooks check --fix")
    .action(checkAll);
}

async function runAll(files: readonly string[], flags: RunFlags, signal: AbortSignal): Promise<void> {
  const runs: NotebookRun[] = [];
  for (const file of await chosen(files)) {
    const name = path.basename(file);
    const run = await runNotebook(file, {
      parameters: { profile: flags.profile, ...flags.set },
      timeoutMs: flags.timeout * 1_000,
      write: flags.write ?? false,
      signal,
      onCell: (cell, cells) => process.stderr.isTTY && process.stderr.write(`\r\u001b[K${name} [${cell}/${cells}]`),
    });
    if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
    if (signal.aborted) throw new Interrupted();
    runs.push(run);
    if (flags.json) continue;
    if (run.failure) console.log(`✗ ${describeFailure(run)}`);
    else console.log(`✓ ${run.notebook}: ${run.cells} cells in ${(run.durationMs / 1000).toFixed(1)} s`);
  }
  if (flags.json)
    console.log(JSON.stringify(runs.map(({ notebook, cells, durationMs, failure }) => ({ notebook, cells, durationMs, failure }))));
  if (runs.some((run) => run.failure)) process.exitCode = 1;
}

async function checkAll(files: readonly string[], flags: { readonly fix?: boolean; readonly json?: boolean }): Promise<void> {
  const paths = await chosen(files);
  const findings = [];
  for (const file of paths) {
    const all = await listNotebooks(path.dirname(path.resolve(file)));
    const document = await readNotebook(file);
    const current = flags.fix ? withNavigation(document, navigationText(file, all)) : document;
    if (flags.fix) await writeNotebook(file, current);
    findings.push(...checkNotebook(file, current, all));
  }
  if (flags.json) console.log(JSON.stringify(findings));
  else for (const { notebook, cell, message } of findings) console.log(`✗ ${notebook}${cell ? `, cell ${cell}` : ""}: ${message}`);
  if (findings.length > 0) process.exitCode = 1;
  else if (!flags.json) console.log(`✓ ${paths.length === 1 ? "1 notebook follows" : `${paths.length} notebooks follow`} the rules`);
}

async function chosen(files: readonly string[]): Promise<readonly string[]> {
  const found = files.length > 0 ? files : await listNotebooks();
  if (found.length > 0) return found;
  throw new NotebookError("NOTEBOOK_UNREADABLE", {
    failed: "Cannot find a notebook",
    found: "no .ipynb in notebooks/",
    remedy: "Name the files, or get the folder back from the repository.",
  });
}

async function untilInterrupted(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const stop = (): void => controller.abort(new Interrupted());
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    await work(controller.signal);
    if (controller.signal.aborted) throw new Interrupted();
  } catch (thrown) {
    throw controller.signal.aborted ? new Interrupted() : thrown;
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}

function profile(text: string): string {
  if (text === "quick" || text === "full") return text;
  throw new InvalidArgumentError('It must be "quick" or "full".');
}

function parameter(text: string, earlier: Readonly<Record<string, ParameterValue>> | undefined): Record<string, ParameterValue> {
  const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError("Write it as name=value.");
  const plain = /^(true|false|-?\d+(\.\d+)?)$/.test(value) ? (JSON.parse(value) as number | boolean) : value;
  return { ...earlier, [name]: plain };
}
