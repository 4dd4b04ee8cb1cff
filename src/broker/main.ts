import { parseArgs } from "node:util";
import { runAsService } from "../base/own-process.ts";
import { BROKER_NAME, startBroker, type BrokerOptions } from "./broker.ts";
import { BrokerError } from "./broker-error.ts";

const USAGE = "--data <folder> [--port <n>] [--host <address>] [--partitions <n>] [--no-auto-create] [--flush <ms>|always]";

function wholeNumber(name: string, text: string, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= most) return value;
  throw new BrokerError("INVALID_OPTION", {
    failed: `Cannot start the ${BROKER_NAME}`,
    found: `--${name} ${text}`,
    remedy: `Usage: ${USAGE}`,
  });
}

function optionsOf(args: readonly string[]): BrokerOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: "string" },
      port: { type: "string", default: "9092" },
      host: { type: "string", default: "127.0.0.1" },
      partitions: { type: "string", default: "1" },
      "no-auto-create": { type: "boolean", default: false },
      flush: { type: "string", default: "1000" },
    },
  });
  if (values.data === undefined) {
    throw new BrokerError("INVALID_OPTION", {
      failed: `Cannot start the ${BROKER_NAME}`,
      found: "no data folder",
      remedy: `Usage: ${USAGE}`,
    });
  }
  return {
    dataDir: values.data,
    host: values.host,
    port: wholeNumber("port", values.port, 65535),
    defaultPartitions: Math.max(1, wholeNumber("partitions", values.partitions, 1000)),
    autoCreateTopics: !values["no-auto-create"],
    flush: values.flush === "always" ? "always" : { everyMs: Math.max(1, wholeNumber("flush", values.flush, 3_600_000)) },
    log: (line) => console.error(`${BROKER_NAME}: ${line}`),
  };
}

await runAsService(async () => {
  const broker = await startBroker(optionsOf(process.argv.slice(2)));
  return { ready: { host: broker.host, port: broker.port }, close: () => broker.close() };
});
