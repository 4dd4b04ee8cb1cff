import type { Row } from "../types/data-type.ts";

/**
 * The state of one stateful operator, versioned: version N+1 is what batch N leaves behind. Who calls: the operator's batch code between two
 * commits, then the batch loop (step W2) `commit`, or `abort` when the batch failed. Keys and values are rows in the engine's representation
 * (data-type.ts); two keys are equal when their `keyText` is (null equals null, NaN equals NaN, -0.0 equals 0.0).
 * Every implementation runs the suite of state-store.contract.ts.
 */
export interface StateStore {
  /** The version that the last `load` or `commit` left. */
  readonly version: number;
  /** How many keys it holds. */
  readonly size: number;
  /** An estimate of the memory it uses. */
  readonly memoryBytes: number;
  /** Reads a version back, exactly; version 0 is empty. Throws a CheckpointError that names the file. */
  load(version: number): Promise<void>;
  get(key: Row): Row | undefined;
  put(key: Row, value: Row): void;
  /** Whether the key was there. */
  remove(key: Row): boolean;
  scan(): Iterable<readonly [Row, Row]>;
  /** Makes all changes since the last commit durable as `version`; the cost follows the number of changed keys. Resolves with the bytes written. */
  commit(version: number): Promise<number>;
  /** Forgets all changes since the last commit. */
  abort(): Promise<void>;
  /** Removes files that no version from `version` on needs, a few at a time: to be called for every batch. */
  purge(version: number): void;
}
