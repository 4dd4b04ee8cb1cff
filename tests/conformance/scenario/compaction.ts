import { listOffsetsApi } from "../../../src/kafka-protocol/messages/list-offsets.ts";
import { eventually, record } from "../harness/place.ts";
import { raw, kcat, type Theme } from "../harness/step.ts";
import { said } from "./said.ts";

const T = 1_700_000_000_000;

/** What cleaning leaves of a log. */
export const compactionTheme: Theme = {
  name: "compaction",
  title: "Compaction and retention",
  before: (place) =>
    place.topics(
      {
        name: "y-keys",
        configs: {
          "cleanup.policy": "compact",
          "min.cleanable.dirty.ratio": "0.01",
          "segment.ms": "100",
          "delete.retention.ms": "86400000",
        },
      },
      { name: "y-no-key", configs: { "cleanup.policy": "compact" } },
    ),
  steps: [
    raw("a record without a key is refused by a compacted topic", async (place) => {
      const { produceApi } = await import("../../../src/kafka-protocol/messages/produce.ts");
      const { encodeBatch } = await import("../../../src/kafka-protocol/record-batch.ts");
      return place.ask(produceApi, 9, {
        transactionalId: null,
        acks: -1,
        timeoutMs: 5000,
        topicData: [
          { name: "y-no-key", partitionData: [{ index: 0, records: encodeBatch([record("with", T, "k"), record("without", T)]) }] },
        ],
      });
    }),
    raw("the last value of each key stays, with its offset", async (place) => {
      const now = Date.now() - 60_000;
      for (let round = 0; round < 3; round++) {
        for (const key of ["a", "b", "c"]) await place.append("y-keys", 0, [record(`${key}${round}`, now + round, key)]);
      }
      await place.append("y-keys", 0, [record(null, now + 5, "c")]);
      await eventually(
        "the segment is old enough",
        async () => {
          await place.append("y-keys", 0, [record("end", Date.now(), "end")]);
          const read = await place.read("y-keys");
          return read.filter(({ key }) => key === "a").length === 1 && read.filter(({ key }) => key === "c").length <= 1 ? true : undefined;
        },
        13_000,
      );
      return (await place.read("y-keys")).filter(({ key }) => key !== "end").map(({ offset, key, value }) => ({ offset, key, value }));
    }),
    raw("offsets of what was cleaned away are gone over", async (place) => {
      const from = (await place.read("y-keys", 0, 1)).filter(({ key }) => key !== "end").map(({ offset }) => offset);
      const { topics } = await place.get(listOffsetsApi, 5, {
        replicaId: -1,
        isolationLevel: 0,
        topics: [{ name: "y-keys", partitions: [{ partitionIndex: 0, timestamp: -2 }] }],
      });
      return { from, start: topics };
    }),
    kcat("-C of a compacted topic", async (place) => {
      const { exit, out } = said(await place.kcat(["-C", "-t", "y-keys", "-o", "beginning", "-e", "-q", "-Z", "-f", "%o %k %s\n"]));
      return { exit, out: out.filter((line) => !line.includes("end")) };
    }),
  ],
};
