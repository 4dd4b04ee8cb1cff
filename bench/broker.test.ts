import { expect, test } from "vitest";
import type { KafkaRecord } from "../src/kafka/producer.ts";
import { sendAll } from "./broker-clients.ts";
import { parseBrokerOptions } from "./broker.ts";

test.each([
  [10, 25, 4],
  [10, 7, 100],
  [3, 3, 1],
])("%i records sent as %i messages in calls of %i: every message once, in turn, some calls at a time", async (count, messages, call) => {
  const records: KafkaRecord[] = Array.from({ length: count }, (_, i) => ({ value: String(i) }));
  const sent: string[] = [];
  let underWay = 0;
  let most = 0;
  await sendAll(records, messages, call, 2, new AbortController().signal, async (part) => {
    expect(part.length).toBeLessThanOrEqual(call);
    sent.push(...part.map(({ value }) => String(value)));
    most = Math.max(most, ++underWay);
    await new Promise((resolve) => setImmediate(resolve));
    underWay--;
  });
  expect(sent).toEqual(Array.from({ length: messages }, (_, i) => String(i % count)));
  expect(most).toBeLessThanOrEqual(2);
});

test("a call that fails ends the sending", async () => {
  const refuse = (): Promise<never> => Promise.reject(new Error("refused"));
  await expect(sendAll([{ value: "x" }], 10, 1, 2, new AbortController().signal, refuse)).rejects.toThrow("refused");
});

test("broker takes its options", () => {
  expect(parseBrokerOptions(["--kafka", "jvm", "--rate", "100"])).toMatchObject({
    kafka: "jvm",
    rates: [100],
    messages: 1_000_000,
    repeat: 3,
  });
  expect(() => parseBrokerOptions(["--rate", "fast"])).toThrow("--rate fast");
  expect(parseBrokerOptions(["--help"])).toBeUndefined();
});
