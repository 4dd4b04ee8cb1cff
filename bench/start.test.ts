import { expect, test } from "vitest";
import { addressesIn } from "./lab-start.ts";
import { parseStartOptions } from "./start.ts";

test("the lab's line with its addresses is found, other lines are not", () => {
  expect(addressesIn("dashboard http://127.0.0.1:8050/ · kafka 127.0.0.1:9092 · mongo mongodb://127.0.0.1:27017\n")).toEqual({
    dashboard: "http://127.0.0.1:8050/",
    mongo: "mongodb://127.0.0.1:27017",
  });
  expect(addressesIn("dashboard none · kafka 127.0.0.1:9092 · mongo mongodb://127.0.0.1:27017")).toBeUndefined();
  expect(addressesIn("starting servers, engine and dashboard")).toBeUndefined();
});

test("start takes its options", () => {
  expect(parseStartOptions(["--repeat", "2", "--idle", "5", "--kafka", "jvm"])).toMatchObject({ repeat: 2, idleSeconds: 5, kafka: "jvm" });
  expect(() => parseStartOptions(["--idle", "0"])).toThrow("--idle 0");
  expect(parseStartOptions(["-h"])).toBeUndefined();
});
