import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { projectRoot } from "../base/project.ts";
import { type Backends, chooseBackends } from "../stack/backends.ts";

/** The flags of `withBackends`, as commander hands them over. */
export interface BackendFlags {
  readonly kafka?: string;
  readonly mongo?: string;
}

/** What --kafka says of itself. */
export const KAFKA_BACKEND =
  "embedded, jvm or jvm:3 (Apache Kafka with one or three nodes, needs Java and Maven), docker or docker:3 (the same in containers), or a bootstrap list host:port,… (else STREAMLAB_KAFKA, streamlab.config.json, embedded)";

/** Adds --kafka and --mongo: which servers a command uses. */
export function withBackends(command: Command): Command {
  return command
    .option("--kafka <backend>", KAFKA_BACKEND)
    .option("--mongo <backend>", "embedded, docker, or a mongodb:// URI (else STREAMLAB_MONGO, streamlab.config.json, embedded)");
}

/** The backends that flags, environment and configuration choose. */
export function backendsOf(flags: BackendFlags): Backends {
  return chooseBackends({ kafka: flags.kafka, mongo: flags.mongo }, projectRoot);
}

/** A whole number of at least `least`, for commander. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least) throw new InvalidArgumentError(`It must be a whole number of at least ${least}.`);
    return value;
  };
}
