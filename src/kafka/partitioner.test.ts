import kafkajs from "kafkajs";
import { describe, expect, test } from "vitest";
import { createRandom } from "../base/random.ts";
import { createPartitioner, murmur2, partitionOfKey } from "./partitioner.ts";

const SEED = 3;

describe("partitioner", () => {
  test("murmur2 gives the values of Kafka's own unit test (UtilsTest.testMurmur2)", () => {
    const cases: Record<string, number> = { "21": -973932308, foobar: -790332482, "a-little-bit-long-string": -985981536, abc: 479470107 };
    for (const [text, hash] of Object.entries(cases)) expect(murmur2(Buffer.from(text)), text).toBe(hash);
  });

  test("every key goes where kafkajs's Java-compatible partitioner sends it", () => {
    const random = createRandom(SEED);
    const oracle = kafkajs.Partitioners.DefaultPartitioner();
    const choose = createPartitioner();
    for (let i = 0; i < 2000; i++) {
      const key = Buffer.from(Array.from({ length: 1 + random.below(20) }, () => random.below(256)));
      const partitions = 1 + random.below(12);
      const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
        partitionId,
        leader: 0,
        partitionErrorCode: 0,
        replicas: [],
        isr: [],
      }));
      const expected = oracle({ topic: "t", partitionMetadata, message: { key, value: "" } });
      expect(partitionOfKey(key, partitions), `seed ${SEED}, case ${i}`).toBe(expected);
      expect(choose(key, partitions)).toBe(expected);
      const text = `sensor_${i}`;
      expect(choose(text, partitions)).toBe(oracle({ topic: "t", partitionMetadata, message: { key: text, value: "" } }));
    }
  });

  test("messages without a key stay with a partition for a batch and come round to all", () => {
    const choose = createPartitioner(10);
    const chosen = Array.from({ length: 30 }, () => choose(null, 3));
    expect(chosen).toEqual([...Array<number>(10).fill(0), ...Array<number>(10).fill(1), ...Array<number>(10).fill(2)]);
  });
});
