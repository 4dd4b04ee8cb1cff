import { spawn } from "node:child_process";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { projectRoot } from "../base/project.ts";
import { startTestCluster, type TestCluster } from "../kafka/test-cluster.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startTestCluster();
});
afterAll(() => cluster.close());

type Ran = { readonly code: number | null; readonly out: string; readonly err: string };

/** Runs one command line; `interruptWhen` presses Ctrl+C as soon as the output shows it. */
function streamlab(args: readonly string[], input: string = "", interruptWhen?: RegExp): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [path.join(projectRoot, "bin/streamlab.mjs"), ...args], {
      env: { ...process.env, STREAMLAB_KAFKA: cluster.address, NO_COLOR: "1" },
    });
    const ran = { out: "", err: "" };
    let pressed = false;
    const look = (): void => {
      if (pressed || !interruptWhen?.test(ran.out + ran.err)) return;
      pressed = true;
      child.kill("SIGINT");
    };
    child.stdout.on("data", (chunk: Buffer) => {
      ran.out += String(chunk);
      look();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      ran.err += String(chunk);
      look();
    });
    child.on("close", (code) => resolve({ code, ...ran }));
    child.stdin.end(input);
  });
}

describe("topics (B8)", () => {
  test("create, describe, list and delete, under our words and under kafka-topics.sh's flags", async () => {
    expect(await streamlab(["topics", "create", "--topic", "b8", "--partitions", "2"])).toMatchObject({
      code: 0,
      out: "Created topic b8.\n",
    });
    const again = await streamlab(["topics", "--create", "--topic", "b8"]);
    expect([again.code, again.err]).toEqual([
      1,
      'Cannot create the topic "b8" (it is there already). Pass --if-not-exists if that is all right, or delete it first.\n',
    ]);
    const described = await streamlab(["topics", "--describe", "--topic", "b8", "--bootstrap-server", cluster.address]);
    expect(described.out).toMatch(/^Topic: b8\tTopicId: [\w-]{22}\tPartitionCount: 2\tReplicationFactor: 1\tConfigs: /);
    expect(described.out).toMatch(/\n\tTopic: b8\tPartition: 1\tLeader: (\d+)\tReplicas: \1\tIsr: \1\n$/);
    expect(JSON.parse((await streamlab(["topics", "list", "--json"])).out)).toContain("b8");
    expect((await streamlab(["topics", "delete", "b8"])).code).toBe(0);
    expect((await streamlab(["topics", "list"])).out.split("\n")).not.toContain("b8");
  });

  test("without arguments the help; a wrong word or flag is wrong usage", async () => {
    const help = await streamlab(["topics"]);
    expect([help.code, help.out]).toEqual([0, expect.stringContaining("Example:") as string]);
    expect((await streamlab(["topics", "bogus"])).code).toBe(2);
    expect((await streamlab(["topics", "create"])).code).toBe(2);
    expect((await streamlab(["topics", "list", "--nonsense"])).code).toBe(2);
  });

  test("a Kafka that is not there is said in three parts, without a stack trace", async () => {
    const ran = await streamlab(["topics", "list", "--kafka", "127.0.0.1:1"]);
    expect([ran.code, ran.err]).toEqual([
      1,
      'Cannot reach Kafka at 127.0.0.1:1 (connection refused). Start it with "streamlab up", or pass --kafka host:port.\n',
    ]);
  });
});

describe("produce and consume (B8, D7, E4)", () => {
  test("seq | produce with tiny batches: unordered across partitions, ordered inside each", async () => {
    await cluster.client.topics.create({ topic: "seq", partitions: 3 });
    const lines = `${Array.from({ length: 30 }, (_, i) => i + 1).join("\n")}\n`;
    const sent = await streamlab(["produce", "--topic", "seq", "--max-partition-memory-bytes", "1"], lines);
    expect([sent.code, sent.err]).toEqual([0, "Sent 30 messages to seq.\n"]);
    const read = await streamlab(["consume", "--topic", "seq", "--from-beginning", "--max-messages", "30"]);
    expect(read.err).toContain("Processed a total of 30 messages");
    const rows = [...read.out.matchAll(/^seq:(\d):(\d+): key=null value=(\d+)$/gm)].map((row) => row.slice(1).map(Number));
    expect(rows.length).toBe(30);
    for (const partition of [0, 1, 2]) {
      const numbers = rows.filter((row) => row[0] === partition).map((row) => row[2] as number);
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
      expect(numbers.length).toBe(10);
    }
    const one = await streamlab(["consume", "--topic", "seq", "--partition", "1", "--offset", "4", "--timeout-ms", "400"]);
    expect([one.code, one.out.split("\n").length - 1]).toEqual([0, 6]);
  });

  test("keys are parsed and printed as Kafka's console tools do", async () => {
    await cluster.client.topics.create({ topic: "keyed", partitions: 1 });
    await streamlab(["produce", "--topic", "keyed", "--property", "parse.key=true", "--property", "key.separator=:"], "a:1\nb:2\n");
    const properties = ["--property", "print.key=true", "--property", "print.offset=true"];
    const read = await streamlab(["consume", "--topic", "keyed", "--from-beginning", "--max-messages", "2", ...properties]);
    expect(read.out).toBe("Offset:0\ta\t1\nOffset:1\tb\t2\n");
    const json = await streamlab(["consume", "--topic", "keyed", "--from-beginning", "--max-messages", "1", "--json"]);
    expect(JSON.parse(json.out)).toMatchObject({ topic: "keyed", partition: 0, offset: 0, key: "a", value: "1" });
  });

  test("a line without the key's separator is refused by its number; the lines before it are sent", async () => {
    await cluster.client.topics.create({ topic: "unkeyed", partitions: 1 });
    const sent = await streamlab(["produce", "--topic", "unkeyed", "--property", "parse.key=true"], "a\t1\nb:2\n");
    expect(sent.code).toBe(1);
    expect(sent.err).toContain('Cannot send line 2 (no key separator "\\t" in "b:2").');
    const read = await streamlab(["consume", "--topic", "unkeyed", "--from-beginning", "--timeout-ms", "400"]);
    expect(read.out).toContain("value=1");
  });

  test("a group remembers how far it has read", async () => {
    await cluster.client.topics.create({ topic: "grouped", partitions: 1 });
    await streamlab(["produce", "--topic", "grouped"], "1\n2\n");
    const args = ["consume", "--topic", "grouped", "--group", "g", "--from-beginning"];
    expect((await streamlab([...args, "--max-messages", "2"])).out).toContain("value=2");
    await streamlab(["produce", "--topic", "grouped"], "3\n");
    expect((await streamlab([...args, "--max-messages", "1"])).out).toBe("grouped:0:2: key=null value=3\n");
  });

  test("settings of a Kafka consumer may name group and start; others are refused", async () => {
    await cluster.client.topics.create({ topic: "settings", partitions: 1 });
    await streamlab(["produce", "settings"], "1\n2\n");
    const settings = ["group.id=g-settings", "auto.offset.reset=earliest"].flatMap((one) => ["--consumer-property", one]);
    expect((await streamlab(["consume", "settings", ...settings, "--max-messages", "1"])).out).toBe("settings:0:0: key=null value=1\n");
    expect((await streamlab(["consume", "settings", ...settings, "--max-messages", "1"])).out).toBe("settings:0:1: key=null value=2\n");
    const refused = await streamlab(["consume", "settings", "--consumer-property", "fetch.min.bytes=1"]);
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("--consumer-property fetch.min.bytes") as string]);
  });

  test("Ctrl+C prints the total and ends with 130", async () => {
    await cluster.client.topics.create({ topic: "endless", partitions: 1 });
    await streamlab(["produce", "--topic", "endless"], "1\n");
    const ran = await streamlab(["consume", "--topic", "endless", "--from-beginning"], "", /value=1/);
    expect([ran.code, ran.err]).toEqual([130, "Processed a total of 1 messages\n"]);
  });
});

describe("offsets, groups, configs, delete-records (B6, B8)", () => {
  const startMs = Date.now() - 60_000;
  /** Values a millisecond apart, the first at `startMs`: recent, so that retention leaves them alone. */
  const append = async (topic: string, values: readonly string[]): Promise<void> => {
    const producer = await cluster.client.producer();
    await producer.send(
      topic,
      values.map((value, i) => ({ value, partition: 0, timestampMs: startMs + i })),
    );
    await producer.close();
  };
  const run = async (...args: readonly string[]): Promise<string> => {
    const { code, out, err } = await streamlab(args);
    expect([args, code, code === 0 ? "" : err]).toEqual([args, 0, ""]);
    return out;
  };

  test("offsets: earliest, latest, by time and of the largest timestamp; what has no answer is left out", async () => {
    await cluster.client.topics.create({ topic: "when", partitions: 2 });
    await append("when", ["a", "b", "c"]);
    expect(await run("offsets", "--topic", "when", "--time", "-1")).toBe("when:0:3\nwhen:1:0\n");
    expect(await run("offsets", "when", "--time", "earliest")).toBe("when:0:0\nwhen:1:0\n");
    expect(await run("offsets", "when", "--time", String(startMs + 1))).toBe("when:0:1\n");
    expect(await run("offsets", "when", "--time", "max-timestamp")).toBe("when:0:2\n");
    expect(await run("offsets", "when", "--time", "99999999999999")).toBe("");
    const none = await streamlab(["offsets", "--topic", "nobody"]);
    expect([none.code, none.err]).toEqual([1, expect.stringContaining("no partition matches the filters") as string]);
  });

  test("groups: what is committed, reset while nobody reads, refused while somebody does, deleted", async () => {
    await cluster.client.topics.create({ topic: "lag", partitions: 1 });
    await append("lag", ["a", "b", "c", "d"]);
    await run("consume", "--topic", "lag", "--group", "g-lag", "--from-beginning", "--max-messages", "3");
    expect(await run("groups", "describe", "g-lag")).toMatch(/\ng-lag +lag +0 +3 +4 +1 +- +- +-\n/);
    const exported = await run("groups", "reset-offsets", "g-lag", "--all-topics", "--shift-by", "-2", "--execute", "--export");
    expect(exported).toBe("lag,0,1\n");
    const [group] = JSON.parse(await run("groups", "describe", "g-lag", "--json")) as { offsets: { offset: number; lag: number }[] }[];
    expect(group?.offsets).toMatchObject([{ offset: 1, lag: 3 }]);

    const consumer = await cluster.client.consumer({ groupId: "g-lag", topics: ["lag"] });
    const read = new Promise<void>((resolve) => void consumer.run(() => Promise.resolve(resolve())));
    await read;
    const members = await run("groups", "--describe", "--group", "g-lag", "--members", "--verbose");
    expect(members).toMatch(/\ng-lag +streamlab-\S+ +\S+ +streamlab +1 +- +lag:0 +- +-/);
    const busy = await streamlab(["groups", "reset-offsets", "g-lag", "--topic", "lag", "--to-latest", "--execute"]);
    expect([busy.code, busy.err]).toEqual([1, expect.stringContaining("is inactive, but the current state is Stable") as string]);
    await consumer.close();
    expect(await run("groups", "--delete", "--group", "g-lag")).toBe("Deletion of requested consumer groups ('g-lag') was successful.\n");
    const gone = await streamlab(["groups", "describe", "g-lag"]);
    expect([gone.code, gone.err]).toEqual([1, expect.stringContaining('Cannot find the group "g-lag"') as string]);
  });

  test("configs and delete-records: what was set is told, and earliest is no longer 0", async () => {
    await cluster.client.topics.create({ topic: "cut", partitions: 1 });
    await append("cut", ["a", "b", "c"]);
    await run("configs", "alter", "cut", "--add-config", "retention.ms=6000000,cleanup.policy=[compact,delete]");
    expect(await run("configs", "describe", "cut")).toMatch(
      /\n {2}cleanup\.policy=compact,delete sensitive=false .*\n {2}retention\.ms=6000000 /,
    );
    await run("configs", "--alter", "--topic", "cut", "--delete-config", "retention.ms");
    expect(await run("configs", "describe", "cut")).not.toContain("retention.ms");
    expect(await run("delete-records", "--topic", "cut", "--before", "2")).toContain("partition: cut-0\tlow_watermark: 2");
    expect(await run("offsets", "cut", "--time", "-2")).toBe("cut:0:2\n");
  });

  test.each([
    [["groups", "describe"]],
    [["groups", "describe", "g", "--members", "--state"]],
    [["groups", "list", "--describe"]],
    [["consume", "--topic", "t", "--group", "g", "--partition", "0"]],
    [["produce", "--topic", "t", "--compression-codec", "rar"]],
  ])("%j is wrong usage", async (args) => {
    expect((await streamlab(args)).code).toBe(2);
  });
});

describe("logging in (E4, S7)", () => {
  test("a password on the command line is refused with the reason and the ways", async () => {
    const ran = await streamlab(["consume", "-b", "host:9091", "-u", "user", "-p", "secret", "-t", "results"]);
    expect(ran).toMatchObject({ code: 1, out: "" });
    expect(ran.err).toMatch(/^Cannot log in \(-p was given, .*\)\. .*STREAMLAB_KAFKA_PASSWORD.*--password-file.*\n$/);
    expect(ran.err).not.toContain("secret");
  });

  test("without any password, or PLAIN in the clear to another machine, it is refused before a connection is opened", async () => {
    const none = await streamlab(["topics", "list", "-b", "host.invalid:9091", "-u", "user"]);
    expect([none.code, none.err]).toEqual([1, expect.stringContaining("no password for user") as string]);
    const flags = ["-u", "user", "--mechanism", "PLAIN", "--security-protocol", "SASL_PLAINTEXT"];
    const plain = await streamlab(["topics", "list", "-b", "host.invalid:9091", ...flags]);
    expect([plain.code, plain.err]).toEqual([1, expect.stringContaining("PLAIN without TLS") as string]);
  });
});

test.skipIf(process.platform === "win32")("a reader that goes away (| head) ends consume without a word", async () => {
  await cluster.client.topics.create({ topic: "long", partitions: 1 });
  const producer = await cluster.client.producer();
  await producer.send(
    "long",
    Array.from({ length: 20_000 }, (_, i) => ({ key: `value ${i}`, value: `value ${i}` })),
  );
  await producer.close();
  const launcher = `"${process.execPath}" "${path.join(projectRoot, "bin/streamlab.mjs")}"`;
  const ran = await new Promise<{ out: string; err: string }>((resolve) => {
    const child = spawn("/bin/sh", ["-c", `${launcher} consume --topic long --from-beginning | head -n 2`], {
      env: { ...process.env, STREAMLAB_KAFKA: cluster.address },
    });
    const said = { out: "", err: "" };
    child.stdout.on("data", (chunk: Buffer) => (said.out += String(chunk)));
    child.stderr.on("data", (chunk: Buffer) => (said.err += String(chunk)));
    child.once("close", () => resolve(said));
  });
  expect(ran).toEqual({ out: "long:0:0: key=value 0 value=value 0\nlong:0:1: key=value 1 value=value 1\n", err: "" });
});

describe("generate (A5)", () => {
  test("sends what it was asked for, spoilt as asked, and says so", async () => {
    const args = ["generate", "sensors", "--rate", "2000", "--count", "2000", "--duplicate", "5%", "--poison", "0.02", "--json"];
    const ran = await streamlab(args);
    const totals = JSON.parse(ran.out) as {
      topic: string;
      sent: number;
      acknowledged: number;
      spoiled: { duplicated: number; poisoned: number };
    };
    expect(ran.code).toBe(0);
    expect(totals).toMatchObject({ topic: "sensor-data", sent: 2000 + totals.spoiled.duplicated, acknowledged: totals.sent });
    expect(totals.spoiled.poisoned).toBeGreaterThan(10);
    const offsets = await cluster.client.topics.offsets("sensor-data");
    expect(offsets.length).toBe(3);
    expect(offsets.reduce((sum, { latest }) => sum + latest, 0)).toBe(totals.sent);
  });

  test("the same seed prints the same readings but for their time", async () => {
    const readings = async (): Promise<string> =>
      (await streamlab(["generate", "sensors", "--count", "20", "--rate", "max", "--print"])).out;
    const untimed = (text: string): string => text.replaceAll(/"timestamp":"[^"]*"/g, "");
    const first = await readings();
    expect(first.split("\n").length).toBe(21);
    expect(untimed(await readings())).toBe(untimed(first));
  });

  test("Ctrl+C waits for what is in flight, prints the totals and ends with 130", async () => {
    const ran = await streamlab(["generate", "devices", "--rate", "200"], "", /1 s: /);
    expect(ran.code).toBe(130);
    const [, sent, acknowledged] = /Sent (\d+) messages to stream_data_topic in .*: (\d+) acknowledged, 0 failed/.exec(ran.out) ?? [];
    expect(Number(sent)).toBeGreaterThan(100);
    expect(acknowledged).toBe(sent);
  });

  test.each([
    [["generate", "tractors"]],
    [["generate", "sensors", "--rate", "-1"]],
    [["generate", "sensors", "--late", "200%"]],
    [["generate", "sensors", "--out-of-order", "soon"]],
  ])("%j is wrong usage", async (args) => {
    expect((await streamlab(args)).code).toBe(2);
  });
});
