import type { Command } from "commander";
import { projectRoot } from "../base/project.ts";
import { DashboardError } from "../dashboard/dashboard-error.ts";
import { startDashboard } from "../dashboard/dashboard.ts";
import { clientAddress, runningDaemons } from "../stack/daemon.ts";
import { backendsOf, wholeNumber } from "./backend-options.ts";
import { listenForInterruption } from "./interrupt.ts";

interface DashboardFlags {
  readonly mongo?: string;
  readonly database: string;
  readonly port?: number;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** `streamlab dashboard`: the live page over a MongoDB, until Ctrl+C. */
export function addDashboard(program: Command): void {
  program
    .command("dashboard")
    .description("serve the live page over a MongoDB, until Ctrl+C")
    .option("--mongo <backend>", "embedded, or a mongodb:// URI (else STREAMLAB_MONGO, streamlab.config.json, embedded)")
    .option("--database <name>", "its database", "iot_analytics")
    .option("--port <port>", "the port to serve on (else 8050, or a free one)", wholeNumber(0))
    .option("--json", "print the address as JSON")
    .option("--quiet", "print nothing")
    .addHelpText("after", "\nExample:\n  streamlab dashboard --mongo mongodb://127.0.0.1:27017 --port 8050")
    .action(runDashboard);
}

async function runDashboard(flags: DashboardFlags): Promise<void> {
  const { signal, release } = listenForInterruption();
  try {
    const mongoUri = await mongoUriOf(flags);
    const dashboard = await startDashboard({ mongoUri, database: flags.database, port: flags.port, signal });
    if (flags.json) console.log(JSON.stringify({ url: dashboard.url, host: dashboard.host, port: dashboard.port }));
    else if (!flags.quiet) console.log(`Dashboard: ${dashboard.url}\nPress Ctrl+C to end.`);
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    await dashboard.close();
  } finally {
    release();
  }
  throw signal.reason;
}

async function mongoUriOf(flags: DashboardFlags): Promise<string> {
  const { mongo } = backendsOf(flags);
  if (mongo.kind === "external") return mongo.address;
  const daemon = (await runningDaemons(projectRoot)).find((running) => running.name === "mongo");
  if (daemon) return clientAddress(daemon);
  throw new DashboardError("NO_DATABASE", {
    failed: "Cannot show the dashboard",
    found: "no document server runs here",
    remedy: 'Start it with "streamlab up", or pass --mongo with a mongodb:// URI.',
  });
}
