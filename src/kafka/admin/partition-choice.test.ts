import { expect, test } from "vitest";
import { parseResetPlan } from "./offset-reset.ts";
import { parseTopicPartitions, topicPattern } from "./partition-choice.ts";

const ALL = ["a", "b", "ab"].flatMap((topic) => [0, 1, 2, 3].map((partition) => [topic, partition] as const));

/** The partitions that a --topic-partitions text chooses. */
function chosen(text: string): string[] {
  const filter = parseTopicPartitions(text);
  return ALL.filter(([topic, partition]) => filter(topic, partition)).map(([topic, partition]) => `${topic}:${partition}`);
}

test.each([
  ["a", ["a:0", "a:1", "a:2", "a:3"]],
  ["a:1", ["a:1"]],
  ["a:1-3", ["a:1", "a:2"]],
  ["a:2-,b:-1", ["a:2", "a:3", "b:0"]],
  ["a.*:0", ["a:0", "ab:0"]],
  [":3", ["a:3", "b:3", "ab:3"]],
])("--topic-partitions %s: the end of a range is not part of it", (text, expected) => {
  expect(chosen(text)).toEqual(expected);
});

test("a pattern that is none, or a partition that is no number, is refused", () => {
  expect(() => parseTopicPartitions("a:x")).toThrow("Cannot tell which partitions are meant");
  expect(() => topicPattern("(")).toThrow("Write a regular expression");
});

test("a pattern is for the whole name; commas stand for or", () => {
  const matches = topicPattern("orders, pay.*");
  expect(["orders", "payments", "orders2", "pre-orders"].filter(matches)).toEqual(["orders", "payments"]);
});

test("--from-file reads what --export has written, for one group and for several", () => {
  expect(parseResetPlan("a,0,5\n\na,1,7\n", ["g"])).toEqual(
    new Map([
      [
        "g",
        [
          { topic: "a", partition: 0, offset: 5 },
          { topic: "a", partition: 1, offset: 7 },
        ],
      ],
    ]),
  );
  expect([...parseResetPlan("g,a,0,5\nh,a,0,6\n", ["g", "h"]).keys()]).toEqual(["g", "h"]);
  expect(() => parseResetPlan("a,0,5\na,one,5", ["g"])).toThrow("line 2 is");
  expect(() => parseResetPlan("a,0,5", ["g", "h"])).toThrow("line 1 is");
});
