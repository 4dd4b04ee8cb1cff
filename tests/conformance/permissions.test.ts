import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { projectRoot } from "../../src/base/project.ts";
import { startBroker, type Broker } from "../../src/broker/broker.ts";
import { startKafkaCluster, type KafkaCluster } from "../../src/stack/kafka-jvm/kafka-cluster.ts";
import { cacheFolder } from "../../src/stack/state-folder.ts";
import { requireOracle } from "../oracle.ts";
import { START_MS } from "./real-kafka.ts";
import { ADMIN, ALICE, transcript } from "./permission-steps.ts";

const java = requireOracle("java-kafka", "permissions as Apache Kafka gives them");

describe.runIf(java !== undefined)("permissions", () => {
  let folder: string;
  let broker: Broker | undefined;
  let kafka: KafkaCluster | undefined;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-permissions-"));
    broker = await startBroker({
      dataDir: path.join(folder, "embedded"),
      listeners: [{ protocol: "SASL_PLAINTEXT" }],
      users: [ADMIN, ALICE],
      authorizer: { superUsers: ["User:admin"] },
    });
    kafka = await startKafkaCluster({
      folder: path.join(folder, "kafka"),
      cache: cacheFolder(projectRoot),
      quick: true,
      heapMiB: 320,
      secure: ["SASL_PLAINTEXT"],
      users: [ADMIN, ALICE],
      properties: {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:admin;User:ANONYMOUS",
      },
    });
  }, START_MS);
  afterAll(async () => {
    await broker?.close();
    await kafka?.kill();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  test("every API answers someone with few rights as Apache Kafka does", async () => {
    const [host = "", port] = (kafka?.addressFor("SASL_PLAINTEXT") ?? "").split(":");
    const theirs = await transcript({ host, port: Number(port) });
    const ours = await transcript({ host: "127.0.0.1", port: broker?.port ?? 0 });
    expect(ours).toEqual(theirs);
  });
});
