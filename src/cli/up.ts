import type { Command } from "commander";
import { createInterface } from "node:readline/promises";
import { projectRoot } from "../base/project.ts";
import { composeProject, requireDocker } from "../stack/docker/compose.ts";
import { startDaemons, stopDaemons } from "../stack/daemon.ts";
import { StackError } from "../stack/stack-error.ts";
import { type BackendFlags, backendsOf, wholeNumber, withBackends } from "./backend-options.ts";

interface UpFlags extends BackendFlags {
  readonly kafkaPort?: number;
  readonly mongoPort?: number;
  readonly json?: boolean;
}

/** `streamlab up`: the servers of the chosen backends, in the background. */
export function addUp(program: Command): void {
  withBackends(program.command("up"))
    .description("start the servers in the background")
    .option("--kafka-port <port>", "port of the broker", wholeNumber(0))
    .option("--mongo-port <port>", "port of the document server", wholeNumber(0))
    .option("--json", "print the servers as JSON")
    .addHelpText("after", "\nExample:\n  streamlab up && streamlab topics create --topic readings --partitions 3")
    .action(async (flags: UpFlags) => {
      const backends = backendsOf(flags);
      const daemons = await startDaemons({
        root: projectRoot,
        backends,
        ...(flags.kafkaPort === undefined ? {} : { kafkaPort: flags.kafkaPort }),
        ...(flags.mongoPort === undefined ? {} : { mongoPort: flags.mongoPort }),
      });
      if (flags.json) return console.log(JSON.stringify(daemons));
      for (const daemon of daemons) console.log(`${daemon.title} at ${daemon.address} (pid ${daemon.pid}, log ${daemon.logFile})`);
      for (const name of ["kafka", "mongo"] as const) {
        const backend = backends[name];
        if (backend.kind === "external") console.log(`${name} at ${backend.address} runs elsewhere (${backend.origin}); nothing to start`);
      }
    });
}

interface DownFlags {
  readonly volumes?: boolean;
  readonly yes?: boolean;
}

/** `streamlab down`: ends what `up` started. */
export function addDown(program: Command): void {
  program
    .command("down")
    .description("stop the servers that up started; their data stay")
    .option("--volumes", "delete the data of the containers too (--kafka docker, --mongo docker); asks first")
    .option("--yes", "with --volumes: do not ask")
    .addHelpText("after", "\nExample:\n  streamlab down")
    .action(async (flags: DownFlags) => {
      if (flags.volumes && !(await isAgreed(flags))) return console.log("nothing was deleted");
      const stopped = await stopDaemons(projectRoot);
      if (flags.volumes) {
        await requireDocker();
        await composeProject(projectRoot).down(true);
        console.log("deleted the containers' volumes");
      }
      for (const daemon of stopped) console.log(`stopped the ${daemon.service} (pid ${daemon.pid})`);
      if (stopped.length === 0) console.log("nothing was running");
    });
}

/** Data that are deleted do not come back: somebody must say yes. @throws StackError NOT_CONFIRMED where nobody can be asked */
async function isAgreed(flags: DownFlags): Promise<boolean> {
  if (flags.yes) return true;
  if (!process.stdin.isTTY) {
    throw new StackError("NOT_CONFIRMED", {
      failed: "Cannot delete the containers' data",
      found: "there is no terminal to ask at",
      remedy: "Pass --yes as well if you are sure.",
    });
  }
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(?:es)?$/i.test((await asking.question("Delete all data of the containers (topics, collections)? [y/N] ")).trim());
  } finally {
    asking.close();
  }
}
