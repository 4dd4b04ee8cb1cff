import { enableCompileCache } from "node:module";
import { parseArgs } from "node:util";
import { StreamlabError } from "../base/errors.ts";
import { runAsService } from "../base/own-process.ts";
import type { DocumentServerOptions } from "./server.ts";

const USAGE = "--data <folder> | --memory [--port <n>] [--host <address>] [--auth] [--security <file>] [--max-connections <n>]";

function refused(found: string): StreamlabError {
  return new StreamlabError("INVALID_OPTION", {
    failed: "Cannot start the MongoDB-protocol development server",
    found,
    remedy: `Usage: ${USAGE}.`,
  });
}

function wholeNumber(name: string, text: string, most: number): number {
  if (!/^\d+$/.test(text) || Number(text) > most) throw refused(`--${name} ${text}`);
  return Number(text);
}

async function optionsOf(args: readonly string[]): Promise<DocumentServerOptions> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: "string" },
      memory: { type: "boolean", default: false },
      port: { type: "string", default: "27017" },
      host: { type: "string", default: "127.0.0.1" },
      auth: { type: "boolean", default: false },
      security: { type: "string" },
      "max-connections": { type: "string", default: "5000" },
    },
  });
  if (values.data === undefined && !values.memory) throw refused("no data folder");
  const hasSecurity = values.security !== undefined || Boolean(process.env.STREAMLAB_MONGO_SECURITY);
  const security = hasSecurity ? await (await import("./security/bootstrap.ts")).securityFrom(values.security, process.env) : {};
  return {
    ...(values.memory ? { storage: "memory" } : {}),
    ...(values.data === undefined ? {} : { dataDir: values.data }),
    port: wholeNumber("port", values.port, 65_535),
    host: values.host,
    maxConnections: Math.max(1, wholeNumber("max-connections", values["max-connections"], 100_000)),
    ...(values.auth ? { auth: true } : {}),
    ...security,
  };
}

/** The server as a process of its own. Ready: `{type: "ready", host, port}` over IPC or as one line; it ends in order on SIGTERM, SIGINT and with its parent. */
await runAsService(async () => {
  enableCompileCache();
  const given = await optionsOf(process.argv.slice(2));
  const { startDocumentServer } = await import("./server.ts");
  const server = await startDocumentServer(given);
  return { ready: server.address, close: () => server.close() };
});
