import { KafkaError } from "./kafka-error.ts";
import { EARLIEST, LATEST } from "./wire/cluster.ts";
import type { Start } from "./source-options.ts";

/** The time to ask the broker for; undefined where the offset is given. */
export function startTime(start: Start, key: string): number | undefined {
  switch (start.kind) {
    case "timestamp":
      return start.timestampMs;
    case "timestamps":
      return start.timestampsMs.get(key);
    case "offsets": {
      const given = start.offsets.get(key);
      return given === EARLIEST || given === LATEST ? given : undefined;
    }
    default:
      return start.kind === "earliest" ? EARLIEST : LATEST;
  }
}

/** The error of a start at a time after the last message of a partition. */
export function nothingSince(key: string, timestampMs: number): KafkaError {
  return new KafkaError("KAFKA_OPTION", {
    failed: `Cannot start ${key} at ${new Date(timestampMs).toISOString()}`,
    found: "it has no message of that time or later",
    remedy: 'Choose an earlier startingTimestamp, or startingOffsets "latest".',
  });
}
