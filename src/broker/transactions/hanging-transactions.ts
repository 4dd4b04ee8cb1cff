import type { OffsetStore } from "../groups/offset-store.ts";
import type { Topic } from "../topics/topic-catalog.ts";
import { offsetsPartition } from "./offsets-partition.ts";
import { appendMarker, type TransactionCoordinator } from "./transaction-coordinator.ts";

/**
 * Aborts what nobody can end any more: a transaction that is open in a partition, or offsets that are pending in a group, of which the
 * coordinator does not know. A power cut can leave such, where it took the coordinator's last entries and not what was written after them;
 * read_committed would wait for ever. Called at the start, before anybody is served. Returns how many there were.
 */
export async function abortHanging(
  coordinator: TransactionCoordinator,
  topics: Iterable<Topic>,
  offsets: OffsetStore,
  nowMs: number,
): Promise<number> {
  const aborting: Promise<void>[] = [];
  for (const { name, partitions } of topics) {
    for (const [partition, log] of partitions.entries()) {
      for (const { id, epoch, transactionStart, coordinatorEpoch = 0 } of log.producers()) {
        if (transactionStart === undefined || coordinator.isKnown(id, { topic: name, partition })) continue;
        aborting.push(appendMarker(log, { producerId: id, producerEpoch: epoch }, false, coordinatorEpoch, nowMs).stored);
      }
    }
  }
  for (const { producerId, group } of offsets.pending()) {
    if (!coordinator.isKnown(producerId, offsetsPartition(group))) aborting.push(offsets.endTransaction(producerId, false));
  }
  await Promise.all(aborting);
  return aborting.length;
}
