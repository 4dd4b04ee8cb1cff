import type { Block } from "../engine/sources/source.ts";
import { clearRecordArrays, readRecords, type RecordArrays } from "../kafka-protocol/record-iteration.ts";
import type { TopicPartition } from "./wire/cluster.ts";
import type { Fetched } from "./reader/partition-reader.ts";

/** Of one partition: the offset to read next, and the one before which to stop. */
export interface OffsetRange extends TopicPartition {
  readonly next: number;
  readonly end: number;
}

/** The records of a fetched stretch that lie in the range, as blocks. Their arrays are used again for the next block. */
export function* recordBlocks(range: OffsetRange, fetched: Fetched, arrays: RecordArrays): Generator<Block> {
  const { topic, partition } = range;
  const options = { fromOffset: range.next, toOffset: range.end };
  for (const [start, stop] of fetched.parts) {
    for (const run of readRecords(fetched.bytes, start, stop, options, arrays)) {
      const { count, positions, offsets, timestampsMs, headers } = run.arrays;
      if (count === 0) continue;
      yield {
        kind: "records",
        topic,
        partition,
        buffer: run.buffer,
        count,
        positions,
        offsets,
        timestampsMs,
        timestampType: run.timestampType,
        ...(headers ? { headers } : {}),
      };
    }
  }
  clearRecordArrays(arrays);
}
