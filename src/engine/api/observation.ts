import { randomUUID } from "node:crypto";
import type { JsonValue } from "../types/json-value.ts";

/** Keeps the metrics that `observe` collects in a query without streams (Spark's Observation). */
export class Observation {
  readonly name: string;
  #taken: ((metrics: Readonly<Record<string, JsonValue>>) => void) | undefined;
  readonly #metrics: Promise<Readonly<Record<string, JsonValue>>>;

  constructor(name: string = randomUUID()) {
    this.name = name;
    this.#metrics = new Promise((resolve) => {
      this.#taken = resolve;
    });
  }

  /** Called by the query; the first time counts. */
  take(metrics: Readonly<Record<string, JsonValue>>): void {
    this.#taken?.(metrics);
  }

  /** The metrics, by name, once the query has run. */
  get(): Promise<Readonly<Record<string, JsonValue>>> {
    return this.#metrics;
  }
}
