import { mkdtemp, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { readFileSync } from "node:fs";
import selfsigned from "selfsigned";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { startBroker, type Broker } from "../broker/broker.ts";
import { connectKafka } from "./connect-kafka.ts";
import type { KafkaConnection } from "./kafkajs-adapter.ts";
import { systemClock } from "../base/clock.ts";
import { metadataApi } from "../kafka-protocol/messages/metadata.ts";
import { BrokerConnection } from "./wire/broker-connection.ts";
import { Cluster } from "./wire/cluster.ts";

const PASSWORD = "pässwörd ﬁt,=";
const ALICE = { username: "al,ice=", password: PASSWORD };
type Mechanism = NonNullable<KafkaConnection["sasl"]>["mechanism"];
let folder: string;
let broker: Broker;
let ca: string;
const others: Broker[] = [];

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "secure-connect-"));
  broker = await startBroker({
    dataDir: path.join(folder, "data"),
    listeners: [{ protocol: "PLAINTEXT" }, { protocol: "SSL" }, { protocol: "SASL_PLAINTEXT" }, { protocol: "SASL_SSL" }],
    users: [{ name: ALICE.username, password: PASSWORD }],
  });
  ca = readFileSync(broker.caFile ?? "", "utf8");
});
afterAll(async () => {
  await Promise.all([broker, ...others].map((one) => one.close()));
  await rm(folder, { recursive: true, force: true });
});

const at = (protocol: string): { brokers: string[] } => ({
  brokers: [broker.listeners.find((one) => one.protocol === protocol)?.address ?? ""],
});

/** The failure of both of our ways to a broker: kafkajs, and our own connections. */
async function failures(connection: KafkaConnection): Promise<{ code: string; message: string }[]> {
  const [host = "", port = ""] = (connection.brokers[0] ?? "").split(":");
  const ways = [
    () => connectKafka(connection).then((client) => client.close()),
    async () => {
      const open = await BrokerConnection.open({ host, port: Number(port) }, connection);
      await open.request(metadataApi, { topics: [] });
    },
    () => new Cluster(connection, systemClock).partitions(null),
  ];
  return Promise.all(
    ways.map((way) =>
      way().then(
        () => ({ code: "none", message: "" }),
        (thrown: unknown) => thrown as { code: string; message: string },
      ),
    ),
  );
}

async function expectFailures(connection: KafkaConnection, code: string, message: RegExp): Promise<void> {
  for (const failure of await failures(connection)) {
    expect(failure).toMatchObject({ code });
    expect(failure.message).toMatch(message);
    expect(failure.message).not.toContain(PASSWORD);
  }
}

describe("a login", () => {
  test.each<[Mechanism, string]>([
    ["plain", "SASL_PLAINTEXT"],
    ["plain", "SASL_SSL"],
    ["scram-sha-256", "SASL_PLAINTEXT"],
    ["scram-sha-256", "SASL_SSL"],
    ["scram-sha-512", "SASL_PLAINTEXT"],
    ["scram-sha-512", "SASL_SSL"],
  ])("%s over %s writes and reads", async (mechanism, protocol) => {
    const connection: KafkaConnection = {
      ...at(protocol),
      sasl: { mechanism, ...ALICE },
      ...(protocol === "SASL_SSL" ? { ssl: { ca } } : {}),
    };
    const client = await connectKafka(connection);
    try {
      const topic = `${mechanism}-${protocol}`;
      await client.topics.create({ topic, partitions: 1 });
      const producer = await client.producer();
      expect(await producer.send(topic, [{ value: "v" }])).toHaveLength(1);
      const cluster = new Cluster(connection, systemClock);
      expect(await cluster.partitions([topic])).toEqual([{ topic, partition: 0, leader: 1 }]);
      await cluster.close();
    } finally {
      await client.close();
    }
  });

  test("each listener sends its clients to itself", async () => {
    for (const { protocol, port } of broker.listeners) {
      const connection: KafkaConnection = {
        ...at(protocol),
        ...(protocol.startsWith("SASL") ? { sasl: { mechanism: "plain" as const, ...ALICE } } : {}),
        ...(protocol.endsWith("SSL") ? { ssl: { ca } } : {}),
      };
      const open = await BrokerConnection.open({ host: "127.0.0.1", port }, connection);
      const answer = await open.request(metadataApi, { topics: [] });
      expect(answer.brokers).toMatchObject([{ host: "127.0.0.1", port }]);
      open.close();
    }
  });

  test.each<Mechanism>(["plain", "scram-sha-256", "scram-sha-512"])("with a wrong password is refused as such: %s", async (mechanism) => {
    const sasl = { mechanism, username: ALICE.username, password: "wrong" };
    await expectFailures(
      { ...at("SASL_SSL"), ssl: { ca }, sasl },
      "KAFKA_LOGIN",
      mechanism === "plain" ? /Invalid username or password/ : /invalid credentials with SASL mechanism SCRAM-SHA/,
    );
  });

  test("with a mechanism that is not offered names those that are", async () => {
    const scramOnly = await startBroker({
      dataDir: path.join(folder, "scram"),
      listeners: [{ protocol: "SASL_PLAINTEXT" }],
      mechanisms: ["SCRAM-SHA-512"],
    });
    others.push(scramOnly);
    const sasl = { mechanism: "plain" as const, ...ALICE };
    await expectFailures({ brokers: [scramOnly.address], sasl }, "KAFKA_LOGIN", /SCRAM-SHA-512|mechanism/);
  });

  test("by PLAIN without TLS goes to this machine only", async () => {
    const sasl = { mechanism: "plain" as const, ...ALICE };
    await expectFailures({ brokers: ["broker.example:9092"], sasl }, "KAFKA_LOGIN", /in the clear.*SASL_SSL/);
  });
});

describe("TLS", () => {
  test("without the authority's file is refused: it is never left unchecked", async () => {
    await expectFailures(
      { ...at("SSL"), ssl: true },
      "KAFKA_TLS",
      /not from an authority that this program trusts.*ssl.truststore.location/,
    );
  });

  test.each([
    ["expired", 2, "localhost", /has expired/],
    ["for another name", 50, "elsewhere.example", /for another name/],
  ])("a certificate that is %s is refused as such", async (name, days, host, message) => {
    const altNames = [
      { type: 2, value: host },
      { type: 7, ip: name === "expired" ? "127.0.0.1" : "127.0.0.9" },
    ];
    const extensions = [{ name: "subjectAltName", altNames }];
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 5 * 86_400_000 });
    const made = selfsigned.generate([{ name: "commonName", value: host }], { days, algorithm: "sha256", keySize: 2048, extensions });
    vi.useRealTimers();
    const certFile = path.join(folder, `${host}.pem`);
    const keyFile = path.join(folder, `${host}.key`);
    await writeFile(certFile, made.cert);
    await writeFile(keyFile, made.private, { mode: 0o600 });
    const other = await startBroker({ dataDir: path.join(folder, host), listeners: [{ protocol: "SSL" }], tls: { certFile, keyFile } });
    others.push(other);
    await expectFailures({ brokers: [other.address], ssl: { ca: made.cert } }, "KAFKA_TLS", message);
  });

  test("against a listener without says that it is none", async () => {
    await expectFailures({ ...at("PLAINTEXT"), ssl: { ca } }, "KAFKA_TLS", /closed the connection during the TLS handshake|not TLS/);
  });

  test("that a listener wants and a client does not speak is named", async () => {
    await expectFailures(at("SSL"), "KAFKA_UNREACHABLE", /spoke no TLS and no login.*security\.protocol/);
  });

  test("a login that a listener wants and a client does not make is named", async () => {
    await expectFailures({ ...at("SASL_SSL"), ssl: { ca } }, "KAFKA_UNREACHABLE", /closed/);
  });

  test("a client's own certificate is its name, and is asked for", async () => {
    const client = selfsigned.generate([{ name: "commonName", value: "alice" }], { algorithm: "sha256", keySize: 2048 });
    const clientCaFile = path.join(folder, "clients.pem");
    await writeFile(clientCaFile, client.cert);
    const mutual = await startBroker({
      dataDir: path.join(folder, "mutual"),
      listeners: [{ protocol: "SSL" }],
      tls: { clientCaFile, clientAuth: "required" },
      authorizer: { superUsers: ["User:CN=alice"] },
    });
    others.push(mutual);
    const trusted = readFileSync(mutual.caFile ?? "", "utf8");
    const connection = { brokers: [mutual.address], ssl: { ca: trusted, cert: client.cert, key: client.private } };
    const connected = await connectKafka(connection);
    await connected.topics.create({ topic: "mine", partitions: 1 });
    expect(await connected.topics.list()).toEqual(["mine"]);
    await connected.close();
    for (const failure of await failures({ brokers: [mutual.address], ssl: { ca: trusted } })) {
      expect(failure.code).toMatch(/KAFKA_TLS|KAFKA_UNREACHABLE/);
      expect(failure.message).toMatch(/certificate of this client|closed/);
    }
  });
});

test("a server that hangs up at once is told apart from one that is not there", async () => {
  const server = net.createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  try {
    await expectFailures({ brokers: [`127.0.0.1:${port}`] }, "KAFKA_UNREACHABLE", /closed/);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});
