import { Command } from "commander";
import { readFileSync } from "node:fs";
import { loadCommands } from "./commands.ts";
import { reportFailure } from "./failure.ts";

/**
 * Runs one command line and sets the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted. Where the reader of the output has gone
 * (`| head`), it ends without a word.
 */
export async function main(args: readonly string[]): Promise<void> {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(process.exitCode ?? 0);
    throw error;
  });
  const program = new Command("streamlab")
    .description("A laboratory for real-time data engineering: one command, no Docker, no Java.")
    .version(version)
    .option("--verbose", "show causes and stack traces of failures")
    .showHelpAfterError(true)
    .exitOverride();
  for (const addCommand of await loadCommands(args)) addCommand(program);
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (thrown) {
    process.exitCode = reportFailure(thrown, args.includes("--verbose"));
  }
}
