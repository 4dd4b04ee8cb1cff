import { InvalidArgumentError, type Command } from "commander";
import { startDashboard } from "../dashboard/dashboard.ts";
import { Interrupted } from "./failure.ts";

interface DashboardFlags {
  readonly mongo: string;
  readonly database: string;
  readonly port?: number;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** `streamlab dashboard`: the live page over a MongoDB, until Ctrl+C. */
export function addDashboard(program: Command): void {
  program
    .command("dashboard")
    .description("Serve the live page over a MongoDB, until Ctrl+C.")
    .option("--mongo <uri>", "the MongoDB to read", process.env.STREAMLAB_MONGO ?? "mongodb://127.0.0.1:27017")
    .option("--database <name>", "its database", "iot_analytics")
    .option("--port <port>", "the port to serve on (8050, or a free one)", parsePort)
    .option("--json", "say the address as JSON")
    .option("--quiet", "say nothing")
    .addHelpText("after", "\nExample:\n  streamlab dashboard --mongo mongodb://127.0.0.1:27017 --port 8050")
    .action(runDashboard);
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (!(port <= 65_535)) throw new InvalidArgumentError("A port is a number from 0 to 65535.");
  return port;
}

async function runDashboard(flags: DashboardFlags): Promise<void> {
  const ending = new AbortController();
  const onInterrupt = (): void => ending.abort(new Interrupted());
  const onTerminate = (): void => ending.abort();
  process.once("SIGINT", onInterrupt).once("SIGTERM", onTerminate);
  try {
    const mongoUri = flags.mongo.includes("://") ? flags.mongo : `mongodb://${flags.mongo}`;
    const dashboard = await startDashboard({ mongoUri, database: flags.database, port: flags.port, signal: ending.signal });
    if (flags.json) process.stdout.write(`${JSON.stringify({ url: dashboard.url, host: dashboard.host, port: dashboard.port })}\n`);
    else if (!flags.quiet) process.stdout.write(`Dashboard: ${dashboard.url}\nPress Ctrl+C to end.\n`);
    if (!ending.signal.aborted) await new Promise((resolve) => ending.signal.addEventListener("abort", resolve, { once: true }));
    await dashboard.close();
  } finally {
    process.off("SIGINT", onInterrupt).off("SIGTERM", onTerminate);
  }
  if (ending.signal.reason instanceof Interrupted) throw ending.signal.reason;
}
