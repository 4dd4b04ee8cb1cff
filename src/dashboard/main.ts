/**
 * The dashboard as a process of its own: `[--database <name>] [--host <host>] [--port <n>]`. The MongoDB's URI may hold a password, so it comes
 * by the environment, STREAMLAB_MONGO, not by the command line (S7).
 * Ready is told as `{type: "ready", host, port, url}`, over IPC or as a line on stdout. It ends on SIGTERM, SIGINT and when its parent is gone.
 */
import { parseArgs } from "node:util";
import { messageOf } from "../base/errors.ts";
import { DashboardError } from "./dashboard-error.ts";
import { startDashboard } from "./dashboard.ts";

const ending = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => ending.abort(new Error(signal)));
process.once("disconnect", () => ending.abort(new Error("the parent is gone")));

try {
  const { values } = parseArgs({ options: { database: { type: "string" }, host: { type: "string" }, port: { type: "string" } } });
  const mongoUri = process.env.STREAMLAB_MONGO;
  if (!mongoUri) {
    throw new DashboardError("NO_DATABASE", {
      failed: "Cannot start the dashboard",
      found: "STREAMLAB_MONGO is not set",
      remedy: "Set it to a mongodb:// URI.",
    });
  }
  if (values.port !== undefined && !/^\d{1,5}$/.test(values.port)) {
    throw new DashboardError("INVALID_FLAG", {
      failed: "Cannot start the dashboard",
      found: `--port is "${values.port}"`,
      remedy: "Pass a number from 0 to 65535.",
    });
  }
  const dashboard = await startDashboard({
    mongoUri,
    signal: ending.signal,
    ...(values.database !== undefined && { database: values.database }),
    ...(values.host !== undefined && { host: values.host }),
    ...(values.port !== undefined && { port: Number(values.port) }),
  });
  const ready = { type: "ready", host: dashboard.host, port: dashboard.port, url: dashboard.url };
  if (process.send) process.send(ready);
  else process.stdout.write(`${JSON.stringify(ready)}\n`);
  if (!ending.signal.aborted) await new Promise((resolve) => ending.signal.addEventListener("abort", resolve, { once: true }));
  await dashboard.close();
  if (process.connected) process.disconnect();
} catch (thrown) {
  if (!ending.signal.aborted) {
    process.stderr.write(`${messageOf(thrown)}\n`);
    process.exitCode = 1;
  }
  if (process.connected) process.disconnect();
}
