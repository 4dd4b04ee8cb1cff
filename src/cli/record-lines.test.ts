import { expect, test } from "vitest";
import type { ReceivedRecord } from "../kafka/consumer.ts";
import { recordFormat } from "./record-lines.ts";

const RECORD: ReceivedRecord = {
  topic: "t",
  partition: 2,
  offset: 7,
  timestampMs: 1000,
  timestampType: 0,
  key: Buffer.from("k"),
  value: null,
  headers: [
    ["h", Buffer.from("1")],
    ["i", null],
  ],
};

const line = (properties: Record<string, string>, record: ReceivedRecord = RECORD, isTerminal: boolean = false): string =>
  Buffer.from(recordFormat(properties, false, isTerminal)(record)).toString("latin1");

test("without properties a message is printed with its place (E4)", () => {
  expect(line({})).toBe("t:2:7: key=k value=null\n");
});

test("with properties, in the columns and the order of Kafka's default formatter", () => {
  const all = ["timestamp", "partition", "offset", "epoch", "headers", "key"].map((name): [string, string] => [`print.${name}`, "true"]);
  expect(line(Object.fromEntries(all))).toBe("CreateTime:1000\tPartition:2\tOffset:7\tEpoch:NOT_PRESENT\th:1,i:null\tk\tnull\n");
  expect(line({ "print.timestamp": "true", "print.headers": "true" }, { ...RECORD, timestampType: 1, headers: [] })).toBe(
    "LogAppendTime:1000\tNO_HEADERS\tnull\n",
  );
  expect(line({ "print.timestamp": "true", "print.value": "false" }, { ...RECORD, timestampMs: -1 })).toBe("NO_TIMESTAMP\n");
});

test("separators and the word for null can be chosen", () => {
  const own = { "print.key": "true", "key.separator": " => ", "line.separator": ";", "null.literal": "-" };
  expect(line(own)).toBe("k => -;");
});

test("bytes go out as they are, but to a terminal, which control characters could steer", () => {
  const value = Buffer.from([0xff, 0x00, 0x1b]);
  expect(line({}, { ...RECORD, value })).toBe("t:2:7: key=k value=\u00ff\u0000\u001b\n");
  expect(line({}, { ...RECORD, value: Buffer.from("\u001b[2Jx") }, true)).toBe("t:2:7: key=k value=\\x1b[2Jx\n");
});

test("a property that there is not is refused", () => {
  expect(() => line({ "print.keys": "true" })).toThrow("the property print.keys");
});
