import { initProducerIdApi } from "../../../src/kafka-protocol/messages/init-producer-id.ts";
import { produceApi } from "../../../src/kafka-protocol/messages/produce.ts";
import { encodeBatch, type BatchOptions } from "../../../src/kafka-protocol/record-batch.ts";
import { record, type Place } from "../harness/place.ts";
import { frames, java, kafkajs, kcat, raw, type Theme } from "../harness/step.ts";
import { said } from "./said.ts";

const T = 1_700_000_000_000;

async function newProducer(place: Place): Promise<{ producerId: number; producerEpoch: number }> {
  const { producerId, producerEpoch } = await place.get(initProducerIdApi, 2, { transactionalId: null, transactionTimeoutMs: 60_000 });
  return { producerId, producerEpoch };
}

/** Sends `count` records from a sequence on; what the partition says. */
async function send(place: Place, topic: string, baseSequence: number, count: number, options: BatchOptions): Promise<unknown> {
  const records = encodeBatch(
    Array.from({ length: count }, (_, i) => record(`${baseSequence + i}`, T)),
    { ...options, baseSequence },
  );
  const answer = await place.ask(produceApi, 9, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 5000,
    topicData: [{ name: topic, partitionData: [{ index: 0, records }] }],
  });
  return answer === "closed" ? answer : answer.responses[0]?.partitionResponses[0];
}

/** Idempotent producers. */
export const producersTheme: Theme = {
  name: "producers",
  title: "Idempotent producers and their errors",
  before: (place) => place.topics("i-order", "i-twice", "i-epoch", "i-unknown", "i-js", "i-kcat", "i-java", "i-wrap"),
  steps: [
    ...frames(
      initProducerIdApi,
      {
        title: "without a transaction",
        body: () => ({ transactionalId: null, transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1 }),
      },
      {
        title: "with the epoch of another",
        from: 3,
        body: () => ({ transactionalId: null, transactionTimeoutMs: 60_000, producerId: 12345, producerEpoch: 3 }),
      },
      {
        title: "an empty transactional id",
        body: () => ({ transactionalId: "", transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1 }),
      },
      {
        title: "a producer id without an epoch",
        from: 3,
        body: () => ({ transactionalId: null, transactionTimeoutMs: 60_000, producerId: 5, producerEpoch: -1 }),
      },
    ),
    raw("ids are different", async (place) => {
      const [a, b] = [await newProducer(place), await newProducer(place)];
      return { different: a.producerId !== b.producerId, epochs: [a.producerEpoch, b.producerEpoch] };
    }),
    raw("batches in order, a gap, the right one after it", async (place) => {
      const producer = await newProducer(place);
      return [
        await send(place, "i-order", 0, 3, producer),
        await send(place, "i-order", 3, 2, producer),
        await send(place, "i-order", 9, 1, producer),
        await send(place, "i-order", 5, 1, producer),
      ];
    }),
    raw("each of the last five batches again has its old offset; the sixth is refused", async (place) => {
      const producer = await newProducer(place);
      const first: unknown[] = [];
      for (let n = 0; n < 7; n++) first.push(await send(place, "i-twice", n * 2, 2, producer));
      const again: unknown[] = [];
      for (let n = 0; n < 7; n++) again.push(await send(place, "i-twice", n * 2, 2, producer));
      return { first, again, other: await send(place, "i-twice", 12, 1, producer), read: (await place.read("i-twice")).length };
    }),
    raw("a new epoch begins at 0; an old epoch is refused", async (place) => {
      const producer = await newProducer(place);
      const newer = { ...producer, producerEpoch: producer.producerEpoch + 1 };
      return [
        await send(place, "i-epoch", 0, 1, producer),
        await send(place, "i-epoch", 5, 1, newer),
        await send(place, "i-epoch", 0, 1, newer),
        await send(place, "i-epoch", 1, 1, producer),
      ];
    }),
    raw("a producer of whom the partition knows nothing, in the middle of its sequence", async (place) => {
      const producer = await newProducer(place);
      return [
        await send(place, "i-unknown", 7, 1, producer),
        await send(place, "i-unknown", 8, 1, producer),
        await send(place, "i-unknown", 0, 1, producer),
      ];
    }),
    raw("a sequence goes on at 0 behind 2147483647", async (place) => {
      const producer = await newProducer(place);
      return [await send(place, "i-wrap", 2_147_483_646, 2, producer), await send(place, "i-wrap", 0, 1, producer)];
    }),
    raw("sequences and epochs that there are not", async (place) => {
      const producer = await newProducer(place);
      return [
        await send(place, "i-wrap", -1, 1, producer),
        await send(place, "i-wrap", 0, 1, { ...producer, producerEpoch: -1 }),
        await send(place, "i-wrap", 0, 1, { producerId: -1, producerEpoch: 0 }),
      ];
    }),
    kafkajs("idempotent: true", async (place) => {
      const producer = place.kafkajs.producer({ idempotent: true, maxInFlightRequests: 1 });
      await producer.connect();
      try {
        const sent = [];
        for (let n = 0; n < 7; n++)
          sent.push(await producer.send({ topic: "i-js", messages: [{ value: String(n), timestamp: String(T) }] }));
        return { sent, read: await place.read("i-js") };
      } finally {
        await producer.disconnect();
      }
    }),
    kcat("enable.idempotence=true", async (place) => {
      const sent = said(
        await place.kcat(
          ["-P", "-t", "i-kcat", "-X", "enable.idempotence=true", "-X", "batch.num.messages=3"],
          Array.from({ length: 20 }, (_, i) => `${i}\n`).join(""),
        ),
      );
      return { sent, read: (await place.read("i-kcat")).map(({ value }) => value) };
    }),
    java("kafka-verifiable-producer, idempotent", async (place) => {
      const { exit } = await place.java("VerifiableProducer", [
        "--bootstrap-server",
        "@",
        "--topic",
        "i-java",
        "--max-messages",
        "100",
        "--acks",
        "-1",
      ]);
      return { exit, read: (await place.read("i-java")).map(({ value }) => value) };
    }),
  ],
};
