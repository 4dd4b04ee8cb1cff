import { enableCompileCache } from "node:module";
import { parseArgs } from "node:util";
import { StreamlabError } from "../base/errors.ts";
import { runAsService } from "../base/own-process.ts";

function options(): { readonly dataDir: string; readonly port: number; readonly host: string } {
  const { values } = parseArgs({
    options: { data: { type: "string" }, port: { type: "string", default: "27017" }, host: { type: "string", default: "127.0.0.1" } },
  });
  const port = Number(values.port);
  const portGiven = /^\d+$/.test(values.port) && port <= 65_535;
  if (values.data === undefined || !portGiven)
    throw new StreamlabError("INVALID_OPTION", {
      failed: "Cannot start the MongoDB-protocol development server",
      found: values.data === undefined ? "no data folder" : `--port ${values.port}`,
      remedy: "Usage: --data <folder> [--port <n>] [--host <address>].",
    });
  return { dataDir: values.data, port, host: values.host };
}

/** The server as a process of its own. Ready: `{type: "ready", host, port}` over IPC or as one line; it ends in order on SIGTERM, SIGINT and with its parent. */
await runAsService(async () => {
  const given = options();
  enableCompileCache();
  const { startDocumentServer } = await import("./server.ts");
  const server = await startDocumentServer(given);
  return { ready: server.address, close: () => server.close() };
});
