import { parseArgs } from "node:util";
import { runAsService } from "../base/own-process.ts";
import { BROKER_NAME, startBroker, type BrokerOptions } from "./broker.ts";
import { BrokerError } from "./broker-error.ts";
import { securityFrom } from "./security/bootstrap.ts";
import { parseListeners } from "./security/listener.ts";

const USAGE =
  "--data <folder> | --memory [--port <n>] [--host <address>] [--listeners <protocol://host:port,…>] [--advertised-listeners <…>] [--security <file>] [--partitions <n>] [--no-auto-create] [--flush <ms>|always] [--config <name>=<value>]…";

function wholeNumber(name: string, text: string, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= most) return value;
  throw new BrokerError("INVALID_OPTION", {
    failed: `Cannot start the ${BROKER_NAME}`,
    found: `--${name} ${text}`,
    remedy: `Usage: ${USAGE}`,
  });
}

function configOf(text: string): [name: string, value: string] {
  const at = text.indexOf("=");
  return at < 0 ? [text, ""] : [text.slice(0, at).trim(), text.slice(at + 1)];
}

async function optionsOf(args: readonly string[]): Promise<BrokerOptions> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: "string" },
      memory: { type: "boolean", default: false },
      config: { type: "string", multiple: true, default: [] },
      port: { type: "string", default: "9092" },
      host: { type: "string", default: "127.0.0.1" },
      listeners: { type: "string" },
      "advertised-listeners": { type: "string" },
      security: { type: "string" },
      partitions: { type: "string", default: "1" },
      "no-auto-create": { type: "boolean", default: false },
      flush: { type: "string", default: "1000" },
    },
  });
  if (values.data === undefined && !values.memory) {
    throw new BrokerError("INVALID_OPTION", {
      failed: `Cannot start the ${BROKER_NAME}`,
      found: "no data folder",
      remedy: `Usage: ${USAGE}`,
    });
  }
  return {
    ...(values.data === undefined ? {} : { dataDir: values.data }),
    storage: values.memory ? "memory" : "disk",
    configs: Object.fromEntries(values.config.map(configOf)),
    ...(await securityFrom(values.security, process.env)),
    ...(values.listeners === undefined ? {} : { listeners: parseListeners(values.listeners, values["advertised-listeners"]) }),
    host: values.host,
    port: wholeNumber("port", values.port, 65535),
    defaultPartitions: Math.max(1, wholeNumber("partitions", values.partitions, 1000)),
    autoCreateTopics: !values["no-auto-create"],
    flush: values.flush === "always" ? "always" : { everyMs: Math.max(1, wholeNumber("flush", values.flush, 3_600_000)) },
    log: (line) => console.error(`${BROKER_NAME}: ${line}`),
  };
}

await runAsService(async () => {
  const broker = await startBroker(await optionsOf(process.argv.slice(2)));
  const { host, port, listeners, caFile } = broker;
  return { ready: { host, port, listeners, ...(caFile === undefined ? {} : { caFile }) }, close: () => broker.close() };
});
