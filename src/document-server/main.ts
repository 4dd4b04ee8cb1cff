import { enableCompileCache } from "node:module";
import { parseArgs } from "node:util";
import { StreamlabError, messageOf } from "../base/errors.ts";

/**
 * The server as a process of its own: `--data <folder> [--port 27017] [--host 127.0.0.1]`. When it is ready it sends
 * `{type: "ready", host, port}` to a parent over IPC, or prints one line. It ends in order on SIGTERM, SIGINT and when its parent goes.
 */
async function run(): Promise<void> {
  const { values } = parseArgs({
    options: { data: { type: "string" }, port: { type: "string", default: "27017" }, host: { type: "string", default: "127.0.0.1" } },
  });
  if (values.data === undefined)
    throw new StreamlabError("USAGE", {
      failed: "Cannot start",
      found: "no --data",
      remedy: "Name a folder for the documents: --data <folder>.",
    });
  enableCompileCache();
  const { startDocumentServer } = await import("./server.ts");
  const server = await startDocumentServer({ dataDir: values.data, port: Number(values.port), host: values.host });
  let ending = false;
  const end = (): void => {
    if (ending) return;
    ending = true;
    void server.close().then(() => process.exit(0));
  };
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
  if (process.send) {
    process.on("disconnect", end);
    process.send({ type: "ready", ...server.address });
  } else process.stdout.write(`MongoDB-protocol development server on ${server.uri}\n`);
}

run().catch((thrown: unknown) => {
  const message = messageOf(thrown);
  if (process.send) process.send({ type: "failed", message, code: thrown instanceof StreamlabError ? thrown.code : "UNEXPECTED" });
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
  if (process.connected) process.disconnect();
});
