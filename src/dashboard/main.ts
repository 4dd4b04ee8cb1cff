/**
 * The dashboard as a process of its own: `[--database <name>] [--host <host>] [--port <n>]`. The MongoDB's URI may hold a password, so it comes
 * by the environment, STREAMLAB_MONGO, not by the command line (S7).
 * Ready is told as `{type: "ready", host, port, url}`, over IPC or as a line on stdout. It ends on SIGTERM, SIGINT and when its parent is gone.
 */
import { parseArgs } from "node:util";
import { runAsService } from "../base/own-process.ts";
import { DashboardError } from "./dashboard-error.ts";
import { type DashboardOptions, startDashboard } from "./dashboard.ts";

/** What flags and environment ask for. @throws DashboardError NO_DATABASE, INVALID_FLAG */
function options(): Omit<DashboardOptions, "signal"> {
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
  return {
    mongoUri,
    ...(values.database !== undefined && { database: values.database }),
    ...(values.host !== undefined && { host: values.host }),
    ...(values.port !== undefined && { port: Number(values.port) }),
  };
}

await runAsService(async (stopping) => {
  const { host, port, url, close } = await startDashboard({ ...options(), signal: stopping });
  return { ready: { host, port, url }, close };
});
