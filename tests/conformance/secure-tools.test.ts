import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { projectRoot } from "../../src/base/project.ts";
import { startBroker, type Broker } from "../../src/broker/broker.ts";
import { requireJava } from "../../src/stack/kafka-jvm/java.ts";
import { runJava } from "../../src/stack/kafka-jvm/java-process.ts";
import { fetchKafkaJars } from "../../src/stack/kafka-jvm/kafka-jars.ts";
import { cacheFolder } from "../../src/stack/state-folder.ts";
import { requireOracle } from "../oracle.ts";
import { START_MS } from "./real-kafka.ts";

const java = requireOracle("java-kafka", "Kafka's own tools over TLS with logins");
const TOOLS_MS = 120_000;

describe.runIf(java !== undefined)("Kafka's own tools over TLS with logins", () => {
  let folder: string;
  let jars: string;
  let broker: Broker;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-secure-tools-"));
    jars = await fetchKafkaJars(cacheFolder(projectRoot));
    broker = await startBroker({
      dataDir: path.join(folder, "data"),
      listeners: [{ protocol: "SASL_SSL" }, { protocol: "SASL_PLAINTEXT" }],
      users: [{ name: "admin", password: "admin secret" }],
      authorizer: { superUsers: ["User:admin"] },
    });
  }, START_MS);
  afterAll(async () => {
    await broker.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  const tool = (main: string, args: readonly string[], input?: string): Promise<string> =>
    runJava({ java: requireJava(), jars, temporary: folder, heapMiB: 128, quick: true }, main, args, input === undefined ? {} : { input });

  /** A file for --command-config. */
  async function settings(user: string, password: string, mechanism: string, protocol: string = "SASL_SSL"): Promise<string> {
    const module = mechanism === "PLAIN" ? "plain.PlainLoginModule" : "scram.ScramLoginModule";
    const file = path.join(folder, `${user}-${mechanism}.properties`);
    const lines = [
      `security.protocol=${protocol}`,
      `sasl.mechanism=${mechanism}`,
      `sasl.jaas.config=org.apache.kafka.common.security.${module} required username="${user}" password="${password}";`,
      "ssl.truststore.type=PEM",
      `ssl.truststore.location=${broker.caFile ?? ""}`,
      "default.api.timeout.ms=15000",
      "request.timeout.ms=10000",
    ];
    await writeFile(file, lines.join("\n"), { mode: 0o600 });
    return file;
  }

  const address = (protocol: string): string => broker.listeners.find((one) => one.protocol === protocol)?.address ?? "";
  const at = (): string[] => ["--bootstrap-server", address("SASL_SSL")];

  test(
    "kafka-configs makes a user, kafka-acls gives it rights, and it writes what it may and reads what it may",
    async () => {
      const admin = ["--command-config", await settings("admin", "admin secret", "PLAIN")];
      for (const scram of ["SCRAM-SHA-256=[iterations=8192,password=carols]", "SCRAM-SHA-512=[password=carols]"]) {
        const made = await tool("kafka.admin.ConfigCommand", [
          ...[...at(), ...admin, "--alter", "--add-config", scram, "--entity-type", "users", "--entity-name", "carol"],
        ]);
        expect(made).toContain("Completed updating config for user carol.");
      }
      const users = await tool("kafka.admin.ConfigCommand", [
        ...at(),
        ...admin,
        "--describe",
        "--entity-type",
        "users",
        "--entity-name",
        "carol",
      ]);
      expect(users).toContain("SCRAM-SHA-256=iterations=8192");
      await tool("org.apache.kafka.tools.TopicCommand", [...at(), ...admin, "--create", "--topic", "transactions", "--partitions", "1"]);
      const acls = "org.apache.kafka.tools.AclCommand";
      await tool(acls, [...at(), ...admin, "--add", "--allow-principal", "User:carol", "--producer", "--topic", "transactions"]);
      const granted = await tool(acls, [
        ...[...at(), ...admin, "--add", "--allow-principal", "User:carol", "--consumer"],
        ...["--topic", "transactions", "--group", "lab-", "--resource-pattern-type", "prefixed"],
      ]);
      expect(granted).toContain("User:carol");
      const carol = await settings("carol", "carols", "SCRAM-SHA-512");
      await tool("org.apache.kafka.tools.ConsoleProducer", [...at(), "--topic", "transactions", "--command-config", carol], "one\ntwo\n");
      const carol256 = await settings("carol", "carols", "SCRAM-SHA-256", "SASL_PLAINTEXT");
      const read = (group: string): Promise<string> =>
        tool("org.apache.kafka.tools.consumer.ConsoleConsumer", [
          ...["--bootstrap-server", address("SASL_PLAINTEXT"), "--topic", "transactions", "--group", group, "--from-beginning"],
          ...["--max-messages", "2", "--timeout-ms", "15000", "--command-config", carol256],
        ]);
      expect((await read("lab-1")).trim().split("\n").slice(0, 2)).toEqual(["one", "two"]);
      expect(await read("other"), "a group without a right reads nothing").toBe("");
      const listed = await tool(acls, [...at(), ...admin, "--list", "--topic", "transactions"]);
      expect(listed).toMatch(/operation=WRITE, permissionType=ALLOW/);
      await tool(acls, [
        ...at(),
        ...admin,
        "--remove",
        "--force",
        "--allow-principal",
        "User:carol",
        "--producer",
        "--topic",
        "transactions",
      ]);
      const after = await tool(acls, [...at(), ...admin, "--list", "--topic", "transactions"]);
      expect(after).not.toMatch(/resourceType=TOPIC, name=transactions, patternType=LITERAL/);
    },
    TOOLS_MS,
  );

  test(
    "a wrong password is told as such",
    async () => {
      const wrong = await settings("admin", "no", "SCRAM-SHA-512");
      await expect(tool("org.apache.kafka.tools.TopicCommand", [...at(), "--command-config", wrong, "--list"])).rejects.toThrow(
        /Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512/,
      );
    },
    TOOLS_MS,
  );
});
