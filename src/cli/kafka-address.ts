import { InvalidArgumentError, Option, type Command } from "commander";
import { projectRoot } from "../base/project.ts";
import { connectKafka, parseBrokers, type KafkaClient } from "../kafka/connect-kafka.ts";
import { runningDaemons } from "../stack/daemon.ts";
import { backendsOf, KAFKA_BACKEND } from "./backend-options.ts";

/** The flags of `withKafka`, as commander hands them over. */
export interface KafkaFlags {
  readonly kafka?: string;
  readonly bootstrapServer?: string;
  readonly brokerList?: string;
}

/** Adds --kafka, and the names that Kafka's own tools have for it. */
export function withKafka(command: Command): Command {
  return command
    .option("--kafka <backend>", KAFKA_BACKEND)
    .option("--bootstrap-server <list>", "the same, as Kafka's own tools call it")
    .addOption(new Option("--broker-list <list>", "the same, as Kafka's tools called it before 2.5").hideHelp());
}

/** The bootstrap addresses that flags, environment and configuration choose; of one that is started here the one that runs. */
export async function brokersOf(flags: KafkaFlags): Promise<string[]> {
  const asked = flags.kafka ?? flags.bootstrapServer ?? flags.brokerList;
  const { kafka } = backendsOf(asked === undefined ? {} : { kafka: asked });
  if (kafka.kind === "external") return parseBrokers(kafka.address);
  const daemon = (await runningDaemons(projectRoot)).find((running) => running.name === "kafka");
  return parseBrokers(daemon?.address ?? "127.0.0.1:9092");
}

/** Connects as the flags say, and closes what was opened whatever comes. */
export async function withClient<T>(flags: KafkaFlags, use: (client: KafkaClient) => Promise<T>): Promise<T> {
  const client = await connectKafka({ brokers: await brokersOf(flags) });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

/** Collects `--property name=value` flags, as Kafka's console tools have them. */
export function property(text: string, before: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const equals = text.indexOf("=");
  if (equals <= 0) throw new InvalidArgumentError("It must be name=value.");
  return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) };
}

/** A text as a terminal may show it: control characters, which could steer the terminal, become visible. */
export function shown(text: string): string {
  return text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
