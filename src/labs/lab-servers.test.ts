import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { startLabServers } from "./lab-servers.ts";

test("on servers of others, topics and databases get names of this run; nothing there is started or left behind", async () => {
  const lab = await startLabServers({ kafka: "broker.example:9092", mongo: "mongodb://store.example:27017" });
  try {
    expect(lab.brokers).toBe("broker.example:9092");
    expect(lab.mongoUri).toBe("mongodb://store.example:27017");
    expect(lab.freshName("kafka", "sensor-data")).toMatch(/^sensor-data-\d{17}-\d+-\d+$/);
    expect(lab.freshName("mongo", "iot_analytics")).toMatch(/^iot_analytics-\d{17}-\d+-\d+$/);
    expect(existsSync(lab.folder)).toBe(true);
  } finally {
    await lab.stop();
  }
  expect(existsSync(lab.folder)).toBe(false);
});

test("on servers of this run, names are the lab's own", async () => {
  const lab = await startLabServers();
  try {
    expect([lab.freshName("kafka", "sensor-data"), lab.freshName("mongo", "iot_analytics")]).toEqual(["sensor-data", "iot_analytics"]);
  } finally {
    await lab.stop();
  }
});
