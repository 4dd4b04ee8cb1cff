import kafkajs, { type Kafka, type KafkaConfig, type logCreator, type SASLOptions } from "kafkajs";
import { createRequire } from "node:module";
import net from "node:net";
import tls from "node:tls";
import { messageOf } from "../base/errors.ts";
import { systemCode } from "../base/system-error.ts";
import { checkPlain, closedAtOnce, tlsFailure } from "./tls-failure.ts";
import { KafkaError, loginRefused, unknownTopic, unreachable } from "./kafka-error.ts";

/** Where a cluster is and how to log in to it. */
export type KafkaConnection = {
  /** Bootstrap addresses, `host:port`. */
  readonly brokers: readonly string[];
  /** How this program calls itself in the brokers' logs; "streamlab" if not given. */
  readonly clientId?: string;
  /** TLS: true for the system's authorities, or the texts of PEM files. */
  readonly ssl?: boolean | { readonly ca?: string; readonly cert?: string; readonly key?: string; readonly passphrase?: string };
  readonly sasl?: { readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512"; readonly username: string; readonly password: string };
};

interface RequestQueueInside {
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  throttledUntil: number;
  readonly pending: readonly unknown[];
  checkPendingRequests(): void;
}

let mended = false;

/**
 * kafkajs 2.2.4 re-arms a timer for ever while a connection is idle: with a negative delay, which Node 24 turns into 1 ms and a warning. Mended
 * once, on the prototype: without pending requests there is nothing to schedule.
 */
function mendRequestQueue(): void {
  if (mended) return;
  mended = true;
  const queue = createRequire(import.meta.url)("kafkajs/src/network/requestQueue") as { prototype: Record<string, unknown> };
  queue.prototype.scheduleCheckPendingRequests = function (this: RequestQueueInside): void {
    if (this.throttleCheckTimeoutId || this.pending.length === 0) return;
    const throttledMs = this.throttledUntil - Date.now();
    this.throttleCheckTimeoutId = setTimeout(
      () => {
        this.throttleCheckTimeoutId = null;
        this.checkPendingRequests();
      },
      throttledMs > 0 ? throttledMs : 10,
    );
  };
}

/** kafkajs logs to the console by default; here its words reach a user only as errors that are thrown. */
const silent: logCreator = () => () => undefined;

/** A kafkajs client with bounded retries (about ten seconds, which outlives the restart of a broker) and no log. */
export function createKafkaJs(connection: KafkaConnection, retries: number = 8): Kafka {
  mendRequestQueue();
  const { brokers, clientId = "streamlab", ssl, sasl } = connection;
  for (const broker of brokers) checkPlain(hostOf(broker), portOf(broker), connection);
  const config: KafkaConfig = {
    brokers: [...brokers],
    clientId,
    connectionTimeout: 3000,
    requestTimeout: 30_000,
    retry: { retries, initialRetryTime: 50, maxRetryTime: 2000 },
    logCreator: silent,
    logLevel: kafkajs.logLevel.NOTHING,
    socketFactory: ({ host, port, onConnect }) => openSocket(connection, host, port, onConnect),
    ...(ssl ? { ssl } : {}),
    ...(sasl ? { sasl: sasl as SASLOptions } : {}),
  };
  return new kafkajs.Kafka(config);
}

const KEEP_ALIVE_MS = 60_000;
const MIN_TLS = "TLSv1.2";
const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(":") + 1));
const hostOf = (address: string): string => address.slice(0, address.lastIndexOf(":")).replace(/^\[|\]$/g, "");

/** A socket to one broker, also to one that the cluster names: each must be one that the login may go to. */
function openSocket(connection: KafkaConnection, host: string, port: number, onConnect: () => void): net.Socket {
  checkPlain(host, port, connection);
  const { ssl } = connection;
  const name = net.isIP(host) ? {} : { servername: host };
  const socket = ssl
    ? tls.connect({ host, port, ...name, ...(ssl === true ? {} : ssl), minVersion: MIN_TLS }, onConnect)
    : net.connect({ host, port }, onConnect);
  return socket.setKeepAlive(true, KEEP_ALIVE_MS);
}

/** Turns what kafkajs throws when it connects: there a connection that is closed is one that should be another kind. */
export function translateConnect(thrown: unknown, connection: KafkaConnection): KafkaError {
  const isClosed = /Closed connection/i.test(messageOf(thrown)) || systemCode(thrown) === "ECONNRESET";
  const tlsFault = tlsFailure(connection.brokers, thrown);
  if (isClosed && !tlsFault && !(thrown instanceof KafkaError)) return closedAtOnce(connection.brokers, connection, thrown);
  return translateFailure(thrown, "Cannot talk to Kafka", connection.brokers);
}

/** Turns what kafkajs throws into an error in three parts. */
export function translateFailure(thrown: unknown, doing: string, brokers: readonly string[]): KafkaError {
  if (thrown instanceof KafkaError) return thrown;
  const tlsFault = tlsFailure(brokers, thrown);
  if (tlsFault) return tlsFault;
  const type = protocolType(thrown);
  const message = messageOf(thrown).replace(/\.$/, "");
  if (type === "SASL_AUTHENTICATION_FAILED" || type === "ILLEGAL_SASL_STATE" || /SASL|authentication failed/i.test(message)) {
    return loginRefused(brokers, message, thrown);
  }
  if (systemCode(thrown) || /Connection (timeout|error)|Broker not connected|Closed connection/i.test(message))
    return unreachable(brokers, thrown);
  if (type?.endsWith("AUTHORIZATION_FAILED")) {
    return new KafkaError("KAFKA_NOT_ALLOWED", {
      failed: doing,
      found: message,
      remedy: "Ask the cluster's owner for the right.",
      cause: thrown,
    });
  }
  return new KafkaError("KAFKA_REQUEST", {
    failed: doing,
    found: type ? `${message}: ${type}` : message,
    remedy: 'Look at the cluster with "streamlab topics describe".',
    cause: thrown,
  });
}

/** The name of the protocol's error in a chain of causes: "UNKNOWN_TOPIC_OR_PARTITION". */
export function protocolType(thrown: unknown): string | undefined {
  for (let error = thrown, depth = 0; error instanceof Error && depth < 8; error = error.cause, depth++) {
    if ("type" in error && typeof error.type === "string") return error.type;
    if ("errors" in error && Array.isArray(error.errors)) {
      const type = protocolType(error.errors[0]);
      if (type) return type;
    }
  }
  return undefined;
}

/** Runs one operation of kafkajs and translates its failure. `topic`: which one is meant where the cluster answers that it knows none. */
export async function translated<T>(operation: Promise<T>, doing: string, brokers: readonly string[], topic?: string): Promise<T> {
  try {
    return await operation;
  } catch (thrown) {
    if (topic !== undefined && protocolType(thrown) === "UNKNOWN_TOPIC_OR_PARTITION") throw unknownTopic(topic);
    throw translateFailure(thrown, doing, brokers);
  }
}
