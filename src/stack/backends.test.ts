import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { chooseBackends } from "./backends.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "streamlab-backends-"));
  vi.stubEnv("STREAMLAB_KAFKA", "");
  vi.stubEnv("STREAMLAB_MONGO", "");
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

test("without any word both backends are the embedded ones", () => {
  expect(chooseBackends({}, folder)).toEqual({
    kafka: { kind: "embedded", origin: "default" },
    mongo: { kind: "embedded", origin: "default" },
  });
});

test("a flag wins over the environment, the environment over the file", () => {
  writeFileSync(path.join(folder, "streamlab.config.json"), JSON.stringify({ kafka: "file:1", mongo: "mongodb://file" }));
  vi.stubEnv("STREAMLAB_KAFKA", "environment:1");
  expect(chooseBackends({}, folder).kafka).toEqual({ kind: "external", address: "environment:1", origin: "environment" });
  expect(chooseBackends({ kafka: "flag:1,flag:2" }, folder).kafka).toEqual({ kind: "external", address: "flag:1,flag:2", origin: "flag" });
  expect(chooseBackends({}, folder).mongo).toEqual({ kind: "external", address: "mongodb://file", origin: "streamlab.config.json" });
});

test("a backend that does not exist is refused with what would be accepted", () => {
  expect(() => chooseBackends({ kafka: "rabbit" }, folder)).toThrow('Cannot use "rabbit" as the kafka backend');
});

test("a broken configuration file is refused by name", () => {
  writeFileSync(path.join(folder, "streamlab.config.json"), '{"kafak": "x:1"}');
  expect(() => chooseBackends({}, folder)).toThrow("Cannot read streamlab.config.json");
});

test("jvm and jvm:3 are a real Kafka of one and of three nodes, not a host of that name; MongoDB has none", () => {
  expect(chooseBackends({ kafka: "jvm" }, folder).kafka).toEqual({ kind: "jvm", nodes: 1, origin: "flag" });
  expect(chooseBackends({ kafka: "jvm:3" }, folder).kafka).toEqual({ kind: "jvm", nodes: 3, origin: "flag" });
  expect(() => chooseBackends({ kafka: "jvm:2" }, folder)).toThrow(
    'Pass --kafka with "embedded" or "jvm", "jvm:3", "docker", "docker:3" or a',
  );
  expect(() => chooseBackends({ mongo: "jvm" }, folder)).toThrow('Cannot use "jvm" as the mongo backend');
});

test("docker is Kafka and MongoDB in containers, docker:3 a Kafka of three nodes", () => {
  expect(chooseBackends({ kafka: "docker", mongo: "docker" }, folder)).toEqual({
    kafka: { kind: "docker", nodes: 1, origin: "flag" },
    mongo: { kind: "docker", nodes: 1, origin: "flag" },
  });
  expect(chooseBackends({ kafka: "docker:3" }, folder).kafka).toEqual({ kind: "docker", nodes: 3, origin: "flag" });
  expect(() => chooseBackends({ kafka: "docker:2" }, folder)).toThrow('Cannot use "docker:2" as the kafka backend');
  expect(() => chooseBackends({ mongo: "docker:3" }, folder)).toThrow('Cannot use "docker:3" as the mongo backend');
});
