import { deleteRecordsApi } from "../../../src/kafka-protocol/messages/delete-records.ts";
import { listOffsetsApi } from "../../../src/kafka-protocol/messages/list-offsets.ts";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { record } from "../harness/place.ts";
import { frames, java, kafkajs, kcat, raw, refusal, type Theme } from "../harness/step.ts";
import { said } from "./said.ts";

const T = 1_700_000_000_000;

const at = (
  timestamp: number,
  topic: string = "o-times",
  partition: number = 0,
  currentLeaderEpoch: number = -1,
  isolationLevel: number = 0,
) => ({
  replicaId: -1,
  isolationLevel,
  topics: [{ name: topic, partitions: [{ partitionIndex: partition, timestamp, currentLeaderEpoch, maxNumOffsets: 10 }] }],
});

const removing = (topic: string, partition: number, offset: number) => ({
  topics: [{ name: topic, partitions: [{ partitionIndex: partition, offset }] }],
  timeoutMs: 5000,
});

/** Where a time is in a log, and where a log begins. */
export const offsetsTheme: Theme = {
  name: "offsets",
  title: "Offsets by time, DeleteRecords, a log that does not begin at 0",
  before: async (place) => {
    await place.topics(
      "o-times",
      "o-empty",
      "o-lines",
      { name: "o-tool", partitions: 2 },
      ...[0, 1, 2].map((v) => `o-cut-v${v}`),
      "o-cut-lines",
      "o-compact-none",
    );
    for (const from of [0, 10, 20])
      await place.append(
        "o-times",
        0,
        Array.from({ length: 10 }, (_, i) => record(`${from + i}`, T + (from + i) * 1000)),
      );
    await place.append("o-times", 0, [record("late", T + 5_000), record("latest", T + 90_000), record("early", T - 1000)]);
    for (let n = 0; n < 20; n++) await place.append("o-lines", 0, [record(`line ${n}`, T + n * 1000)]);
    await place.append(
      "o-tool",
      0,
      Array.from({ length: 10 }, (_, i) => record(`${i}`, T + i * 1000)),
    );
    await place.append(
      "o-tool",
      1,
      Array.from({ length: 4 }, (_, i) => record(`${i}`, T + 100_000 + i * 1000)),
    );
    for (const topic of ["o-cut-v0", "o-cut-v1", "o-cut-v2", "o-cut-lines"])
      for (const from of [0, 5])
        await place.append(
          topic,
          0,
          Array.from({ length: 5 }, (_, i) => record(`${from + i}`, T + (from + i) * 1000)),
        );
  },
  steps: [
    ...frames(
      listOffsetsApi,
      { title: "the end", from: 1, body: () => at(-1) },
      { title: "the start", from: 1, body: () => at(-2) },
      { title: "the latest time (−3)", from: 1, body: () => at(-3) },
      { title: "the local start (−4)", from: 1, body: () => at(-4) },
      { title: "the end in tiered storage (−5)", from: 1, body: () => at(-5) },
      { title: "minus six", from: 1, body: () => at(-6) },
      { title: "the time of a record", from: 1, body: () => at(T + 7000) },
      { title: "between two records", from: 1, body: () => at(T + 7001) },
      { title: "before all", from: 1, body: () => at(0) },
      { title: "after all", from: 1, body: () => at(T + 100_000) },
      { title: "a time that came late", from: 1, body: () => at(T + 29_500) },
      { title: "the end, read_committed", from: 2, body: () => at(-1, "o-times", 0, -1, 1) },
      {
        title: "an empty partition's end, start, time and latest time",
        from: 1,
        body: (v) => ({
          ...at(0),
          topics: [
            {
              name: "o-empty",
              partitions: [-1, -2, T, ...(v >= 7 ? [-3] : [])].slice(0, 1).map((timestamp) => ({ partitionIndex: 0, timestamp })),
            },
          ],
        }),
      },
      { title: "an empty partition by time", from: 1, body: () => at(T, "o-empty") },
      { title: "an empty partition's latest time", from: 7, body: () => at(-3, "o-empty") },
      { title: "a topic that is not there", from: 1, body: () => at(-1, "o-nowhere") },
      { title: "a partition that is not there", from: 1, body: () => at(-1, "o-times", 4) },
      { title: "the current leader epoch", from: 4, body: () => at(-1, "o-times", 0, 0) },
      { title: "a leader epoch of the future", from: 4, body: () => at(-1, "o-times", 0, 9) },
      {
        title: "the same partition twice",
        from: 1,
        body: () => ({
          ...at(-1),
          topics: [
            {
              name: "o-times",
              partitions: [
                { partitionIndex: 0, timestamp: -1 },
                { partitionIndex: 0, timestamp: -2 },
              ],
            },
          ],
        }),
      },
    ),
    ...frames(
      deleteRecordsApi,
      { title: "up to an offset inside a batch", body: (v) => removing(`o-cut-v${v}`, 0, 3) },
      { title: "a smaller offset again", body: (v) => removing(`o-cut-v${v}`, 0, 2) },
      { title: "beyond the end", body: (v) => removing(`o-cut-v${v}`, 0, 11) },
      { title: "a negative offset", body: (v) => removing(`o-cut-v${v}`, 0, -7) },
      { title: "up to the end (−1)", body: (v) => removing(`o-cut-v${v}`, 0, -1) },
      { title: "a topic that is not there", body: () => removing("o-nowhere", 0, 1) },
      { title: "a partition that is not there", body: (v) => removing(`o-cut-v${v}`, 3, 1) },
    ),
    raw("a log that begins inside a batch: start, end, time, records", async (place) => {
      await place.get(deleteRecordsApi, 2, removing("o-cut-lines", 0, 3));
      const ask = async (timestamp: number) => (await place.get(listOffsetsApi, 7, at(timestamp, "o-cut-lines"))).topics;
      return {
        start: await ask(-2),
        end: await ask(-1),
        early: await ask(T),
        latest: await ask(-3),
        refused: await place.read("o-cut-lines", 0, 0).catch((thrown: unknown) => (thrown as Error).message),
        read: await place.read("o-cut-lines", 0, 3),
      };
    }),
    kafkajs("offsets of a topic, by time, and after deleteTopicRecords", async (place) => {
      await place.topics("o-js");
      for (let n = 0; n < 10; n++) await place.append("o-js", 0, [record(`${n}`, T + n * 1000)]);
      const admin = place.kafkajs.admin();
      await admin.connect();
      try {
        return [
          await admin.fetchTopicOffsets("o-js"),
          await admin.fetchTopicOffsetsByTimestamp("o-js", T + 4500),
          await admin.fetchTopicOffsetsByTimestamp("o-js", T + 400_500),
          await refusal(admin.deleteTopicRecords({ topic: "o-js", partitions: [{ partition: 0, offset: "4" }] })),
          await admin.fetchTopicOffsets("o-js"),
          await refusal(admin.deleteTopicRecords({ topic: "o-js", partitions: [{ partition: 0, offset: "99" }] })),
          await refusal(admin.fetchTopicOffsets("o-nowhere")),
        ];
      } finally {
        await admin.disconnect();
      }
    }),
    kcat("-Q by time, start and end", async (place) =>
      Promise.all(
        [`${T + 7000}`, `${T + 7001}`, "0", `${T + 100_000}`, "-1", "-2"].map(async (time) =>
          said(await place.kcat(["-Q", "-t", `o-times:0:${time}`])),
        ),
      ),
    ),
    kcat("-Q of a partition that is not there", async (place) => {
      const { exit, out } = await place.kcat(["-Q", "-t", "o-times:9:-1"]);
      return { failed: exit !== 0, out };
    }),
    ...[[`s@${T + 5000}`], [`s@${T + 5001}`, `e@${T + 9000}`], ["beginning", `e@${T + 3000}`], [`s@${T + 900_000}`]].map((times) =>
      kcat(`-C -o ${times.join(" -o ")}`, async (place) =>
        said(await place.kcat(["-C", "-t", "o-lines", ...times.flatMap((one) => ["-o", one]), "-e", "-q", "-f", "%o %T\n"])),
      ),
    ),
    ...[
      "-1",
      "-2",
      "-3",
      "-4",
      "-5",
      "latest",
      "earliest",
      "max-timestamp",
      "earliest-local",
      "latest-tiered",
      String(T + 4500),
      String(T + 900_000),
    ].map((time) =>
      java(`kafka-get-offsets --time ${time}`, async (place) =>
        said(await place.java("GetOffsetShell", ["--bootstrap-server", "@", "--topic", "o-tool", "--time", time])),
      ),
    ),
    java("kafka-get-offsets of some partitions, of a pattern, of none", async (place) => ({
      partitions: said(await place.java("GetOffsetShell", ["--bootstrap-server", "@", "--topic-partitions", "o-tool:1,o-lines:0"])),
      pattern: said(await place.java("GetOffsetShell", ["--bootstrap-server", "@", "--topic", "o-(tool|lines)"])),
      none: said(await place.java("GetOffsetShell", ["--bootstrap-server", "@", "--topic", "o-nowhere"])),
    })),
    java("kafka-delete-records, kafka-get-offsets, kafka-console-consumer from the new beginning", async (place) => {
      const file = path.join(place.programs.folder, `delete-records-${place.target.name}.json`);
      const partitions = [
        { topic: "o-tool", partition: 0, offset: 6 },
        { topic: "o-tool", partition: 1, offset: -1 },
      ];
      await writeFile(file, JSON.stringify({ partitions, version: 1 }));
      return [
        said(await place.java("DeleteRecordsCommand", ["--bootstrap-server", "@", "--offset-json-file", file])),
        said(await place.java("GetOffsetShell", ["--bootstrap-server", "@", "--topic", "o-tool", "--time", "-2"])),
        said(
          await place.java("consumer.ConsoleConsumer", [
            "--bootstrap-server",
            "@",
            "--topic",
            "o-tool",
            "--from-beginning",
            "--max-messages",
            "4",
            "--timeout-ms",
            "10000",
          ]),
        ),
      ];
    }),
    java("kafka-delete-records beyond the end", async (place) => {
      const file = path.join(place.programs.folder, `delete-beyond-${place.target.name}.json`);
      await writeFile(file, JSON.stringify({ partitions: [{ topic: "o-tool", partition: 0, offset: 60 }], version: 1 }));
      return said(await place.java("DeleteRecordsCommand", ["--bootstrap-server", "@", "--offset-json-file", file]));
    }),
  ],
};
