import { readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { codeOf, messageOf } from "../base/errors.ts";
import { StackError } from "./stack-error.ts";

/** Where a choice came from, so that `status` can say why. */
export type ChoiceOrigin = "flag" | "environment" | "streamlab.config.json" | "default";

/**
 * Which backend serves Kafka or MongoDB: ours, as child processes, one that runs elsewhere, a real one in containers, or (Kafka) Apache's own, started
 * here with Java.
 */
export type Backend =
  | { readonly kind: "embedded"; readonly origin: ChoiceOrigin }
  | { readonly kind: "jvm"; readonly nodes: number; readonly origin: ChoiceOrigin }
  | { readonly kind: "docker"; readonly nodes: number; readonly origin: ChoiceOrigin }
  | { readonly kind: "external"; readonly address: string; readonly origin: ChoiceOrigin };

/** The chosen backends of a run. */
export interface Backends {
  readonly kafka: Backend;
  readonly mongo: Backend;
}

const configSchema = z.strictObject({ kafka: z.string().optional(), mongo: z.string().optional() });

/**
 * Chooses backends: flag, then environment (STREAMLAB_KAFKA, STREAMLAB_MONGO), then streamlab.config.json, then embedded.
 * `kafka` is "embedded", "jvm" (one node of Apache Kafka), "jvm:3", "docker" (the same in containers), "docker:3" or a bootstrap list `host:port,…`;
 * `mongo` is "embedded", "docker" or a `mongodb://` URI.
 * @throws StackError UNKNOWN_BACKEND, INVALID_CONFIG
 */
export function chooseBackends(
  flags: { readonly kafka?: string | undefined; readonly mongo?: string | undefined },
  root: string,
): Backends {
  const config = readConfig(root);
  const choose = (flag: string | undefined, variable: string, configured: string | undefined): [string, ChoiceOrigin] => {
    if (flag !== undefined) return [flag, "flag"];
    const fromEnvironment = process.env[variable];
    if (fromEnvironment) return [fromEnvironment, "environment"];
    return configured === undefined ? ["embedded", "default"] : [configured, "streamlab.config.json"];
  };
  return {
    kafka: backend(
      "kafka",
      ...choose(flags.kafka, "STREAMLAB_KAFKA", config.kafka),
      /^[\w.[\]-]+:\d+(,[\w.[\]-]+:\d+)*$/,
      '"jvm", "jvm:3", "docker", "docker:3" or a bootstrap list host:port,host:port',
    ),
    mongo: backend(
      "mongo",
      ...choose(flags.mongo, "STREAMLAB_MONGO", config.mongo),
      /^mongodb(\+srv)?:\/\/\S+$/,
      '"docker" or a mongodb:// URI',
    ),
  };
}

/** How many nodes a quorum can have here: one, or three, of which one may be away. */
const JVM_NODES: ReadonlyMap<string, number> = new Map([
  ["jvm", 1],
  ["jvm:1", 1],
  ["jvm:3", 3],
]);

const DOCKER_NODES: ReadonlyMap<string, number> = new Map([
  ["docker", 1],
  ["docker:1", 1],
  ["docker:3", 3],
]);

function backend(name: string, value: string, origin: ChoiceOrigin, external: RegExp, form: string): Backend {
  if (value === "embedded") return { kind: "embedded", origin };
  const nodes = name === "kafka" ? JVM_NODES.get(value) : undefined;
  if (nodes !== undefined) return { kind: "jvm", nodes, origin };
  const containers = name === "kafka" || value === "docker" ? DOCKER_NODES.get(value) : undefined;
  if (containers !== undefined) return { kind: "docker", nodes: containers, origin };
  if (external.test(value) && !/^(?:jvm|docker):/.test(value)) return { kind: "external", address: value, origin };
  throw new StackError("UNKNOWN_BACKEND", {
    failed: `Cannot use "${value}" as the ${name} backend`,
    found: `it is none of "embedded", ${form}; it came from the ${origin}`,
    remedy: `Pass --${name} with "embedded" or ${form}.`,
  });
}

function readConfig(root: string): z.infer<typeof configSchema> {
  const file = path.join(root, "streamlab.config.json");
  try {
    return configSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return {};
    throw new StackError("INVALID_CONFIG", {
      failed: "Cannot read streamlab.config.json",
      found: thrown instanceof z.ZodError ? z.prettifyError(thrown).replaceAll("\n", " ") : messageOf(thrown),
      remedy: 'Write an object with "kafka" and "mongo" as texts, or remove the file.',
      cause: thrown,
    });
  }
}
