/**
 * The dashboard as a process of its own: `--mongo <uri> [--database <name>] [--host <host>] [--port <n>]`.
 * Ready is told as `{type: "ready", host, port, url}`, over IPC or as a line on stdout. It ends on SIGTERM, SIGINT and when its parent is gone.
 */
import { parseArgs } from "node:util";
import { messageOf } from "../base/errors.ts";
import { startDashboard } from "./dashboard.ts";

const ending = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => ending.abort(new Error(signal)));
process.once("disconnect", () => ending.abort(new Error("the parent is gone")));

try {
  const { values } = parseArgs({
    options: { mongo: { type: "string" }, database: { type: "string" }, host: { type: "string" }, port: { type: "string" } },
  });
  if (values.mongo === undefined) throw new Error("The flag --mongo is missing.");
  if (values.port !== undefined && !/^\d{1,5}$/.test(values.port)) throw new Error("The flag --port needs a number.");
  const dashboard = await startDashboard({
    mongoUri: values.mongo,
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
