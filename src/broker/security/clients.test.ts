import { Admin, Consumer, Producer, stringDeserializers, stringSerializers } from "@platformatic/kafka";
import { execFile, spawn } from "node:child_process";
import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import kafkajs, { type KafkaConfig, type SASLOptions } from "kafkajs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requireOracle } from "../../../tests/oracle.ts";
import { startBroker, type Broker } from "../broker.ts";
import { parseRight } from "./authorizer.ts";
import type { SecurityProtocol } from "./listener.ts";
import { saslMechanisms, type SaslMechanism } from "./login.ts";

const kcat = requireOracle("kcat", "logins and TLS as librdkafka has them");
const run = promisify(execFile);

let folder: string;
let broker: Broker;
let ca: string;
beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "broker-clients-"));
  broker = await startBroker({
    dataDir: folder,
    listeners: [{ protocol: "SASL_SSL" }, { protocol: "SASL_PLAINTEXT" }, { protocol: "SSL" }],
    users: ["admin", "writer", "reader"].map((name) => ({ name, password: `${name}-secret` })),
    authorizer: {
      superUsers: ["User:admin"],
      acls: ["writer write transactions", "reader read results", "reader group lab-*"].flatMap(parseRight),
    },
  });
  ca = await fs.readFile(broker.caFile ?? "", "utf8");
  const admin = kafkaJs("SASL_SSL", "SCRAM-SHA-512", "admin").admin();
  await admin.connect();
  await admin.createTopics({ topics: ["transactions", "results"].map((topic) => ({ topic, numPartitions: 1 })) });
  await admin.disconnect();
});
afterAll(async () => {
  await broker.close();
  await fs.rm(folder, { recursive: true, force: true });
});

const address = (protocol: SecurityProtocol): string => broker.listeners.find((one) => one.protocol === protocol)?.address ?? "";

function kafkaJs(protocol: SecurityProtocol, mechanism: SaslMechanism, user: string, password: string = `${user}-secret`): kafkajs.Kafka {
  const sasl = { mechanism: mechanism.toLowerCase(), username: user, password } as SASLOptions;
  const config: KafkaConfig = {
    brokers: [address(protocol)],
    sasl,
    retry: { retries: 1, initialRetryTime: 10 },
    logLevel: kafkajs.logLevel.NOTHING,
    ...(protocol === "SASL_SSL" ? { ssl: { ca } } : {}),
  };
  return new kafkajs.Kafka(config);
}

const CASES: [SecurityProtocol, SaslMechanism][] = (["SASL_SSL", "SASL_PLAINTEXT"] as const).flatMap((protocol) =>
  saslMechanisms.map((mechanism): [SecurityProtocol, SaslMechanism] => [protocol, mechanism]),
);

describe("kafkajs", () => {
  test.each(CASES)("%s with %s writes what it may write", async (protocol, mechanism) => {
    const producer = kafkaJs(protocol, mechanism, "writer").producer({ idempotent: true });
    await producer.connect();
    const sent = await producer.send({ topic: "transactions", messages: [{ value: "v" }] });
    expect(sent[0]?.errorCode).toBe(0);
    await expect(producer.send({ topic: "results", messages: [{ value: "v" }] })).rejects.toThrow("Topic authorization failed");
    await producer.disconnect();
  });

  test("reads what it may read, in groups that it may be in", async () => {
    const admin = kafkaJs("SASL_SSL", "PLAIN", "admin").producer();
    await admin.connect();
    await admin.send({ topic: "results", messages: [{ value: "fraud" }] });
    await admin.disconnect();
    const reader = kafkaJs("SASL_SSL", "SCRAM-SHA-256", "reader");
    const consumer = reader.consumer({ groupId: "lab-1" });
    await consumer.connect();
    await consumer.subscribe({ topic: "results", fromBeginning: true });
    const value = await new Promise((resolve) => {
      void consumer.run({ eachMessage: ({ message }) => Promise.resolve(resolve(message.value?.toString())) });
    });
    expect(value).toBe("fraud");
    await consumer.disconnect();
    const stranger = reader.consumer({ groupId: "other" });
    await stranger.connect();
    await stranger.subscribe({ topic: "results" });
    const crashed = new Promise<string>((resolve) => stranger.on("consumer.crash", ({ payload }) => resolve(payload.error.message)));
    await stranger.run({ eachMessage: () => Promise.resolve() }).catch(() => undefined);
    expect(await crashed).toMatch(/[Gg]roup/);
    await stranger.disconnect();
    const lists = reader.admin();
    await lists.connect();
    expect(await lists.listTopics()).toEqual(["results"]);
    await lists.disconnect();
  });

  test.each(saslMechanisms)("%s with a wrong password is refused", async (mechanism) => {
    const admin = kafkaJs("SASL_SSL", mechanism, "writer", "wrong").admin();
    await expect(admin.connect()).rejects.toThrow(/[Aa]uthentication failed/);
    await admin.disconnect();
  });
});

describe("@platformatic/kafka", () => {
  const options = (protocol: SecurityProtocol, mechanism: SaslMechanism, user: string, password: string = `${user}-secret`) => ({
    clientId: "platformatic",
    bootstrapBrokers: [address(protocol)],
    sasl: { mechanism, username: user, password },
    retries: 0,
    ...(protocol === "SASL_SSL" ? { tls: { ca } } : {}),
  });

  test.each(CASES)("%s with %s writes and reads", async (protocol, mechanism) => {
    const producer = new Producer({ ...options(protocol, mechanism, "writer"), serializers: stringSerializers });
    const { offsets } = await producer.send({ messages: [{ topic: "transactions", value: "v" }], acks: -1 });
    expect(offsets).toHaveLength(1);
    await producer.close();
    const consumer = new Consumer({
      ...options(protocol, mechanism, "admin"),
      groupId: `p-${protocol}-${mechanism}`,
      deserializers: stringDeserializers,
    });
    const stream = await consumer.consume({ topics: ["transactions"], mode: "earliest", autocommit: false });
    for await (const message of stream) {
      expect(message.value).toBe("v");
      break;
    }
    await consumer.close(true);
  });

  test("a wrong password is refused", async () => {
    const admin = new Admin(options("SASL_SSL", "SCRAM-SHA-256", "writer", "wrong"));
    await expect(admin.listTopics()).rejects.toThrow();
    await admin.close();
  });
});

describe.runIf(kcat !== undefined)("kcat (librdkafka)", () => {
  const settings = (protocol: SecurityProtocol, mechanism: SaslMechanism, user: string, password: string = `${user}-secret`): string[] =>
    [
      `security.protocol=${protocol}`,
      `sasl.mechanisms=${mechanism}`,
      `sasl.username=${user}`,
      `sasl.password=${password}`,
      `ssl.ca.location=${broker.caFile ?? ""}`,
    ].flatMap((setting) => ["-X", setting]);

  async function produce(...args: string[]): Promise<string> {
    const child = spawn(kcat ?? "", ["-P", "-t", "transactions", "-X", "message.timeout.ms=5000", ...args], {
      stdio: ["pipe", "ignore", "pipe"],
    });
    let complaint = "";
    child.stderr.on("data", (chunk: Buffer) => (complaint += chunk.toString()));
    child.stdin.end("one\ntwo\n");
    const code = await new Promise((resolve) => child.once("close", resolve));
    return code === 0 ? "sent" : complaint;
  }

  test.each(CASES)("%s with %s writes and reads", async (protocol, mechanism) => {
    const at = ["-b", address(protocol)];
    expect(await produce(...at, ...settings(protocol, mechanism, "writer"))).toBe("sent");
    const args = [...at, ...settings(protocol, mechanism, "admin"), "-C", "-t", "transactions", "-o", "-1", "-e", "-q"];
    expect((await run(kcat ?? "", args, { timeout: 20_000 })).stdout).toBe("two\n");
  });

  test("who may not read is told so, and an authority that is not known is refused", async () => {
    const at = ["-b", address("SASL_SSL")];
    const denied = run(kcat ?? "", [...at, ...settings("SASL_SSL", "PLAIN", "writer"), "-C", "-t", "results", "-e", "-q"], {
      timeout: 20_000,
    });
    await expect(denied).rejects.toThrow(/[Aa]uthorization failed/);
    const blind = run(kcat ?? "", ["-b", address("SSL"), "-X", "security.protocol=SSL", "-L", "-m", "2"], { timeout: 20_000 });
    await expect(blind).rejects.toThrow(/certificate verify failed|broker certificate could not be verified|transport failure/i);
  });
});
