import { InvalidArgumentError, Option, type Command } from "commander";
import { projectRoot } from "../base/project.ts";
import { withAdminLink, type AdminLink } from "../kafka/admin/admin-link.ts";
import { readClientProperties } from "../kafka/client-properties.ts";
import { connectKafka, parseBrokers, type KafkaClient } from "../kafka/connect-kafka.ts";
import type { KafkaConnection } from "../kafka/kafkajs-adapter.ts";
import { runningDaemons } from "../stack/daemon.ts";
import { backendsOf, KAFKA_BACKEND } from "./backend-options.ts";
import { loginOf, MECHANISMS, PROTOCOLS, type LoginFlags } from "./kafka-login.ts";

/** The flags of `withKafka`, as commander hands them over. */
export interface KafkaFlags extends LoginFlags {
  readonly kafka?: string;
  readonly bootstrapServer?: string;
  readonly brokerList?: string;
  readonly commandConfig?: string;
  /** How the program calls itself. */
  readonly clientId?: string;
}

/** Adds --kafka and how to log in there, under the names that Kafka's own tools have for it. */
export function withKafka(command: Command): Command {
  return command
    .option("--kafka <backend>", KAFKA_BACKEND)
    .option("-b, --bootstrap-server <list>", "the same, as Kafka's own tools call it")
    .addOption(new Option("--broker-list <list>", "the same, as Kafka's tools called it before 2.5").hideHelp())
    .option(
      "--command-config <file>",
      "Java properties of a client: security.protocol, sasl.mechanism, sasl.jaas.config, ssl.truststore.location …",
    )
    .option("-u, --user <name>", "log in as; the password comes from STREAMLAB_KAFKA_PASSWORD, --password-file or a prompt")
    .option("--password-file <file>", "a file that only its owner can read (mode 0600)")
    .addOption(new Option("--security-protocol <name>", "with --user: SASL_SSL if not given").choices(PROTOCOLS))
    .addOption(new Option("--mechanism <name>", "with --user: SCRAM-SHA-512 if not given").choices(MECHANISMS))
    .option("--ca <file>", "with --user: the authority's certificate (PEM), if it is none of the system's")
    .addOption(new Option("-p, --password [password]", "refused: other users of the machine can read a command line").hideHelp());
}

/** The bootstrap addresses that flags, environment and configuration choose; of one that is started here the one that runs. */
export async function brokersOf(flags: KafkaFlags): Promise<string[]> {
  const asked = flags.kafka ?? flags.bootstrapServer ?? flags.brokerList;
  const { kafka } = backendsOf(asked === undefined ? {} : { kafka: asked });
  if (kafka.kind === "external") return parseBrokers(kafka.address);
  const daemon = (await runningDaemons(projectRoot)).find((running) => running.name === "kafka");
  return parseBrokers(daemon?.address ?? "127.0.0.1:9092");
}

/** Where the cluster is and how to log in to it, from all the flags. @throws KafkaError KAFKA_OPTION */
export async function connectionOf(flags: KafkaFlags): Promise<KafkaConnection> {
  const file = flags.commandConfig === undefined ? undefined : readClientProperties(flags.commandConfig).connection;
  const asked = flags.kafka ?? flags.bootstrapServer ?? flags.brokerList;
  const brokers = asked === undefined && file?.brokers ? file.brokers : await brokersOf(flags);
  const clientId = flags.clientId === undefined ? {} : { clientId: flags.clientId };
  return { ...file, brokers, ...clientId, ...(await loginOf(flags, brokers)) };
}

/** Connects as the flags say, and closes what was opened whatever comes. */
export async function withClient<T>(flags: KafkaFlags, use: (client: KafkaClient) => Promise<T>): Promise<T> {
  const client = await connectKafka(await connectionOf(flags));
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

/** The same for administrative requests. */
export async function withLink<T>(flags: KafkaFlags, use: (link: AdminLink) => Promise<T>): Promise<T> {
  return withAdminLink(await connectionOf(flags), use);
}

/** Collects `--property name=value` flags, as Kafka's console tools have them. */
export function property(text: string, before: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const equals = text.indexOf("=");
  if (equals <= 0) throw new InvalidArgumentError("It must be name=value.");
  return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) };
}

/** Collects a flag that may be repeated. */
export function repeated(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text];
}

/** A text as a terminal may show it: control characters, which could steer the terminal, become visible. */
export function shown(text: string): string {
  return text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
