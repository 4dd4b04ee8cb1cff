import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { projectRoot } from "../../src/base/project.ts";
import { AdminLink } from "../../src/kafka/admin/admin-link.ts";
import { createTopic } from "../../src/kafka/admin/topic-admin.ts";
import { clientFolder, ensureSecrets, type Secrets } from "../../src/stack/docker/secrets.ts";
import { requireJava } from "../../src/stack/kafka-jvm/java.ts";
import { runJava } from "../../src/stack/kafka-jvm/java-process.ts";
import { fetchKafkaJars } from "../../src/stack/kafka-jvm/kafka-jars.ts";
import { freePort } from "../../src/stack/port.ts";
import { cacheFolder } from "../../src/stack/state-folder.ts";
import { requireOracle } from "../oracle.ts";
import { START_MS, until } from "./real-kafka.ts";

type Ran = { readonly code: number | null; readonly out: string; readonly err: string };

/** Runs one command line of ours. */
function streamlab(args: readonly string[], input: string = ""): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [path.join(projectRoot, "bin/streamlab.mjs"), ...args], {
      env: { ...process.env, NO_COLOR: "1" },
    });
    const ran = { out: "", err: "" };
    child.stdout.on("data", (chunk: Buffer) => (ran.out += String(chunk)));
    child.stderr.on("data", (chunk: Buffer) => (ran.err += String(chunk)));
    child.on("close", (code) => resolve({ code, ...ran }));
    child.stdin.end(input);
  });
}

describe.runIf(requireOracle("java-kafka", "our commands beside Kafka's own tools"))(
  "commands against Apache Kafka, started as in its container",
  { timeout: 90_000 },
  () => {
    const folder = mkdtempSync(path.join(tmpdir(), "streamlab-commands-"));
    let jars = "";
    let secrets: Secrets;
    let node: ChildProcess;
    let log = "";
    let commandLines = "";
    let address = "";
    let secure = "";
    let inside = 0;

    beforeAll(async () => {
      jars = await fetchKafkaJars(cacheFolder(projectRoot));
      secrets = await ensureSecrets(folder);
      const [lab, tls, controller] = [await freePort(), await freePort(), await freePort()];
      inside = await freePort();
      address = `127.0.0.1:${lab}`;
      secure = `localhost:${tls}`;
      node = spawn("/bin/bash", [path.join(projectRoot, "docker/kafka/start.sh")], {
        env: {
          PATH: `${path.dirname(requireJava().program)}:${process.env.PATH ?? ""}`,
          ...secrets,
          STREAMLAB_NODE_ID: "1",
          STREAMLAB_NODE_HOST: "127.0.0.1",
          STREAMLAB_VOTERS: `1@127.0.0.1:${controller}`,
          STREAMLAB_ADVERTISED_PORT: String(lab),
          STREAMLAB_ADVERTISED_SECURE_PORT: String(tls),
          STREAMLAB_BIND: "127.0.0.1",
          STREAMLAB_LAB_PORT: String(lab),
          STREAMLAB_SECURE_PORT: String(tls),
          STREAMLAB_INSIDE_PORT: String(inside),
          STREAMLAB_CONTROLLER_PORT: String(controller),
          STREAMLAB_WORK: path.join(folder, "work"),
          STREAMLAB_DATA: path.join(folder, "data"),
          STREAMLAB_JARS: jars,
          TMPDIR: folder,
          KAFKA_HEAP_OPTS: "-Xmx320m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData",
          KAFKA_LOG4J_OPTS: "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        },
        stdio: ["ignore", "pipe", "pipe"],
      });
      for (const stream of [node.stdout, node.stderr]) stream?.on("data", (chunk: Buffer) => (log += String(chunk)));
      const watch = setInterval(() => {
        const file = `/proc/${node.pid}/task/${node.pid}/children`;
        for (const pid of [node.pid, ...(existsSync(file) ? readFileSync(file, "utf8").trim().split(" ") : [])])
          if (existsSync(`/proc/${pid}/cmdline`)) commandLines += readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      }, 20);
      await until(
        `Kafka started (${log})`,
        async () => {
          if (node.exitCode !== null) throw new Error(`start.sh ended with ${node.exitCode}: ${log}`);
          const link = new AdminLink({ brokers: [address] });
          try {
            return (await link.cluster.nodes()).length === 1;
          } catch {
            return false;
          } finally {
            await link.close();
          }
        },
        120_000,
      );
      clearInterval(watch);
      const link = new AdminLink({ brokers: [address] });
      await createTopic(link, { topic: "b8", partitions: 3, replicationFactor: -1, config: { "retention.ms": "600000" } });
      await createTopic(link, { topic: "one", partitions: 1, replicationFactor: -1, config: {} });
      await link.close();
    }, START_MS);
    afterAll(async () => {
      node.kill("SIGKILL");
      await systemClock.sleep(50);
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    });

    const kafka = (main: string, args: readonly string[], input?: string, at: string = address): Promise<string> =>
      runJava(
        { java: requireJava(), jars, heapMiB: 128, quick: true, temporary: folder },
        main.includes(".") && main.startsWith("kafka.") ? main : `org.apache.kafka.tools.${main}`,
        [...args, "--bootstrap-server", at],
        input === undefined ? {} : { input },
      );
    const ours = async (...args: readonly string[]): Promise<string> => {
      const ran = await streamlab([...args, "--bootstrap-server", address]);
      expect([args, ran.code, ran.err]).toEqual([args, 0, ran.err]);
      return ran.out;
    };
    /** Lines without the blanks at their ends, in order of their text: Java's come in the order of a hash. */
    const lines = (text: string): string[] =>
      text
        .split("\n")
        .map((line) => line.trimEnd())
        .filter((line) => line !== "")
        .sort();

    test("the container's settings hold, and no password stands on a command line or in a log", () => {
      expect(readFileSync(path.join(folder, "data/log/meta.properties"), "utf8")).toContain(
        `cluster.id=${secrets.STREAMLAB_KAFKA_CLUSTER_ID}`,
      );
      expect(commandLines).toContain("format.args");
      expect(existsSync(path.join(folder, "work/format.args"))).toBe(false);
      expect(log).not.toMatch(/storedKey|serverKey/);
      for (const secret of [
        secrets.STREAMLAB_KAFKA_WRITER_PASSWORD,
        secrets.STREAMLAB_KAFKA_READER_PASSWORD,
        secrets.STREAMLAB_KAFKA_TLS_KEY,
      ])
        expect(`${commandLines}${log}`).not.toContain(secret);
    });

    test("start.sh refuses an empty secret by its name", async () => {
      const script = spawn("/bin/bash", [path.join(projectRoot, "docker/kafka/start.sh")], {
        env: {
          PATH: process.env.PATH ?? "",
          STREAMLAB_NODE_ID: "1",
          STREAMLAB_NODE_HOST: "x",
          STREAMLAB_VOTERS: "1@x:1",
          STREAMLAB_ADVERTISED_PORT: "1",
          ...secrets,
          STREAMLAB_KAFKA_READER_PASSWORD: "",
        },
      });
      let said = "";
      script.stderr.on("data", (chunk: Buffer) => (said += String(chunk)));
      const code = await new Promise((resolve) => script.once("close", resolve));
      expect([code, said]).toEqual([1, expect.stringContaining("STREAMLAB_KAFKA_READER_PASSWORD is empty") as string]);
    });

    test("topics --describe: the same lines, but for the columns of KIP-966", async () => {
      const theirs = (await kafka("TopicCommand", ["--describe", "--topic", "b8"])).replaceAll(/\tElr: [\d,]*\tLastKnownElr: [\d,]*/g, "");
      expect(await ours("topics", "--describe", "--topic", "b8")).toBe(theirs);
    });

    test("produce with keys and headers: Java's consumer reads what we sent, and prints what we print", async () => {
      const text = "h:1,i:2\tk1\tv1\nh:3\tk2\tNIL\n";
      const properties = ["parse.key=true", "parse.headers=true", "null.marker=NIL"].flatMap((one) => ["--property", one]);
      const sent = await streamlab(["produce", "-b", address, "--topic", "one", "--compression-codec", "lz4", ...properties], text);
      expect([sent.code, sent.err]).toEqual([0, "Sent 2 messages to one.\n"]);
      const print = ["key", "partition", "offset", "headers", "timestamp"].flatMap((one) => ["--formatter-property", `print.${one}=true`]);
      const args = ["--topic", "one", "--from-beginning", "--max-messages", "2", ...print];
      const theirs = await kafka("consumer.ConsoleConsumer", args);
      expect(theirs).toMatch(
        /^CreateTime:\d+\tPartition:0\tOffset:0\th:1,i:2\tk1\tv1\nCreateTime:\d+\tPartition:0\tOffset:1\th:3\tk2\tnull\n$/,
      );
      expect(await ours("consume", ...args)).toBe(theirs);
      expect(await ours("consume", ...args, "--group", "printed")).toBe(theirs);
    });

    test("B8: seq | produce with tiny batches is unordered across partitions, ordered inside each", async () => {
      const sent = await streamlab(
        ["produce", "-b", address, "--topic", "b8", "--max-partition-memory-bytes", "1"],
        Array.from({ length: 100 }, (_, i) => `${i + 1}\n`).join(""),
      );
      expect(sent.code).toBe(0);
      const rows = lines(await ours("consume", "--topic", "b8", "--from-beginning", "--max-messages", "100", "--json")).map(
        (line) => JSON.parse(line) as { partition: number; offset: number; value: string },
      );
      const read = [0, 1, 2].map((partition) =>
        rows
          .filter((row) => row.partition === partition)
          .sort((a, b) => a.offset - b.offset)
          .map((row) => Number(row.value)),
      );
      for (const values of read) expect(values).toEqual([...values].sort((a, b) => a - b));
      expect(read.map((values) => values.length).sort()).toEqual([33, 33, 34]);
    });

    test.each([["-1"], ["-2"], ["-3"]])("offsets --time %s: the same lines", async (time) => {
      expect(await ours("offsets", "--topic", "b8", "--time", time)).toBe(await kafka("GetOffsetShell", ["--topic", "b8", "--time", time]));
    });

    test("a group that was told --max-messages has committed those and no more; groups --describe prints Kafka's columns", async () => {
      await ours("consume", "--topic", "one", "--group", "first", "--from-beginning", "--max-messages", "1");
      const group = "consumer.group.ConsumerGroupCommand";
      for (const what of [[], ["--state"], ["--members"]]) {
        const args = ["--describe", "--group", "first", ...what];
        expect(lines(await ours("groups", ...args))).toEqual(lines(await kafka(group, args)));
      }
      expect(await ours("groups", "describe", "first")).toMatch(/\nfirst +one +0 +1 +2 +1 +- +- +-\n/);
    });

    test("a group of the newer protocol (KIP-848) is described as well", async () => {
      const args = [
        "--topic",
        "one",
        "--from-beginning",
        "--max-messages",
        "2",
        "--group",
        "newer",
        "--command-property",
        "group.protocol=consumer",
      ];
      await kafka("consumer.ConsoleConsumer", args);
      const described = ["--describe", "--group", "newer"];
      expect(lines(await ours("groups", ...described))).toEqual(lines(await kafka("consumer.group.ConsumerGroupCommand", described)));
      expect(await ours("groups", "list", "--type")).toMatch(/^newer +Consumer *$/m);
    });

    test("groups --reset-offsets: the same plan and the same export", async () => {
      const group = "consumer.group.ConsumerGroupCommand";
      const args = ["--reset-offsets", "--group", "first", "--topic", "b8:0,1", "--topic", "one", "--to-offset", "7", "--dry-run"];
      expect(lines(await ours("groups", ...args))).toEqual(lines(await kafka(group, args)));
      await ours("groups", "reset-offsets", "first", "--topic", "b8", "--topic", "one", "--to-latest", "--execute");
      const shift = ["--reset-offsets", "--group", "first", "--all-topics", "--shift-by", "-2", "--dry-run", "--export"];
      expect(lines(await ours("groups", ...shift))).toEqual(lines(await kafka(group, shift)));
    });

    test("configs: the same lines, and what the cluster refuses is said in three parts", async () => {
      await ours(
        "configs",
        "alter",
        "b8",
        "--add-config",
        "cleanup.policy=[compact,delete],segment.bytes=1048576",
        "--delete-config",
        "retention.ms",
      );
      expect(await ours("configs", "describe", "b8")).toBe(await kafka("kafka.admin.ConfigCommand", ["--describe", "--topic", "b8"]));
      const refused = await streamlab(["configs", "alter", "b8", "--add-config", "nonsense=1", "-b", address]);
      expect([refused.code, refused.err]).toEqual([
        1,
        expect.stringMatching(/^Cannot change the settings of the topic "b8" \(.*INVALID_CONFIG\)\. /) as string,
      ]);
    });

    test("delete-records moves the first offset; earliest is then not 0 (B6)", async () => {
      await ours("delete-records", "--topic", "b8:0", "--before", "5");
      expect(await ours("offsets", "--topic", "b8", "--partitions", "0", "--time", "earliest")).toBe("b8:0:5\n");
    });

    describe("the container's users, over SASL_SSL (E1, S1)", () => {
      const file = (user: string): string => path.join(clientFolder(folder), `${user}.properties`);
      const as = (user: string, args: readonly string[], input?: string): Promise<Ran> =>
        streamlab([...args, "-b", secure, "--command-config", file(user)], input);

      beforeAll(async () => {
        await ours("topics", "create", "--topic", "transactions", "--partitions", "1");
        await ours("topics", "create", "--topic", "results", "--partitions", "1");
        await streamlab(["produce", "-b", address, "-t", "results"], "scored\n");
        const script = spawn("/bin/bash", [path.join(projectRoot, "docker/kafka/permissions.sh")], {
          env: { PATH: process.env.PATH ?? "", STREAMLAB_JARS: jars, STREAMLAB_INSIDE_PORT: String(inside) },
        });
        expect(await new Promise((resolve) => script.once("close", resolve))).toBe(0);
      });

      test("the reader reads results, alone and in a group, and sees no other topic", async () => {
        const read = await as("reader", ["consume", "-t", "results", "-g", "e4", "--from-beginning", "--max-messages", "1"]);
        expect(read).toMatchObject({ code: 0, out: "results:0:0: key=null value=scored\n" });
        const alone = await as("reader", ["consume", "-t", "results", "--from-beginning", "--max-messages", "1"]);
        expect(alone.out).toBe("results:0:0: key=null value=scored\n");
        const listed = await as("reader", ["topics", "list"]);
        expect(listed).toMatchObject({ code: 0, out: "results\n" });
        expect(await kafka("TopicCommand", ["--list", "--command-config", file("reader")], undefined, secure)).toBe(listed.out);
      });

      test("the writer writes transactions, and may not write results, nor the reader transactions", async () => {
        expect(await as("writer", ["produce", "-t", "transactions"], "t1\n")).toMatchObject({
          code: 0,
          err: "Sent 1 messages to transactions.\n",
        });
        const refused = await as("writer", ["produce", "-t", "results"], "forged\n");
        expect([refused.code, refused.err]).toEqual([1, expect.stringMatching(/^Cannot .*AUTHORIZATION_FAILED/) as string]);
        expect((await as("reader", ["produce", "-t", "transactions"], "forged\n")).code).toBe(1);
      });

      test("a wrong password is told as that", async () => {
        const passwordFile = path.join(folder, "wrong");
        writeFileSync(passwordFile, "wrong\n", { mode: 0o600 });
        const login = ["-u", "reader", "--password-file", passwordFile, "--ca", path.join(clientFolder(folder), "kafka-ca.pem")];
        const refused = await streamlab(["topics", "list", "-b", secure, ...login]);
        expect([refused.code, refused.err]).toEqual([1, expect.stringMatching(/^Cannot log in to Kafka at localhost:\d+ /) as string]);
      });
    });
  },
);
