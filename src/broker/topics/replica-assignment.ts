import { errorCodes } from "../../kafka-protocol/error-codes.ts";

/** Why a request is refused. */
export interface TopicFault {
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

/** Partitions that one request may make. */
const MAX_PARTITIONS = 10_000;

const fault = (errorCode: number, errorMessage: string): TopicFault => ({ errorCode, errorMessage });

/** Why the replicas of a partition may not lie on these brokers, where `nodeId` is the only one; undefined where they may. */
export function replicasFault(nodeId: number, brokerIds: readonly number[]): TopicFault | undefined {
  const { INVALID_REPLICA_ASSIGNMENT } = errorCodes;
  if (brokerIds.length === 0) return fault(INVALID_REPLICA_ASSIGNMENT, "The manual partition assignment includes an empty replica list.");
  const twice = brokerIds.find((id, at) => brokerIds.indexOf(id) !== at);
  const other = brokerIds.find((id) => id !== nodeId);
  if (twice !== undefined) {
    return fault(INVALID_REPLICA_ASSIGNMENT, `The manual partition assignment includes the broker ${twice} more than once.`);
  }
  if (other === undefined) return undefined;
  return fault(INVALID_REPLICA_ASSIGNMENT, `The manual partition assignment includes broker ${other}, but no such broker is registered.`);
}

interface WantedPartitions {
  readonly numPartitions: number;
  readonly replicationFactor: number;
  readonly assignments: readonly { readonly partitionIndex: number; readonly brokerIds: readonly number[] }[];
}

function assigned(nodeId: number, { numPartitions, replicationFactor, assignments }: WantedPartitions): number | TopicFault {
  const { INVALID_REPLICA_ASSIGNMENT, INVALID_REQUEST } = errorCodes;
  if (replicationFactor !== -1) {
    return fault(INVALID_REQUEST, "A manual partition assignment was specified, but replication factor was not set to -1.");
  }
  if (numPartitions !== -1) {
    return fault(INVALID_REQUEST, "A manual partition assignment was specified, but numPartitions was not set to -1.");
  }
  const seen = new Set<number>();
  for (const { partitionIndex, brokerIds } of assignments) {
    if (seen.has(partitionIndex)) {
      return fault(INVALID_REPLICA_ASSIGNMENT, `Found multiple manual partition assignments for partition ${partitionIndex}`);
    }
    const found = replicasFault(nodeId, brokerIds);
    if (found) return found;
    seen.add(partitionIndex);
  }
  for (let index = 0; index < assignments.length; index++) {
    if (!seen.has(index)) return fault(INVALID_REPLICA_ASSIGNMENT, "partitions should be a consecutive 0-based integer sequence");
  }
  return assignments.length;
}

/** How many partitions a new topic gets, by the rules of Kafka's controller with one broker. */
export function wantedPartitions(nodeId: number, byDefault: number, wanted: WantedPartitions): number | TopicFault {
  if (wanted.assignments.length > 0) return assigned(nodeId, wanted);
  const { numPartitions, replicationFactor } = wanted;
  if (replicationFactor < -1 || replicationFactor === 0) {
    return fault(errorCodes.INVALID_REPLICATION_FACTOR, "Replication factor must be larger than 0, or -1 to use the default value.");
  }
  if (numPartitions < -1 || numPartitions === 0) {
    return fault(errorCodes.INVALID_PARTITIONS, "Number of partitions was set to an invalid non-positive value.");
  }
  if (replicationFactor > 1) {
    return fault(
      errorCodes.INVALID_REPLICATION_FACTOR,
      `Unable to replicate the partition ${replicationFactor} time(s): The target replication factor of ${replicationFactor} cannot be reached because only 1 broker(s) are registered or some brokers have all their log directories cordoned.`,
    );
  }
  if (numPartitions > MAX_PARTITIONS) return fault(errorCodes.POLICY_VIOLATION, "Excessively large number of partitions per request.");
  return numPartitions === -1 ? byDefault : numPartitions;
}

/** Why a topic of `before` partitions may not get `count`; undefined where it may. */
export function morePartitionsFault(
  nodeId: number,
  name: string,
  before: number,
  count: number,
  assignments: readonly { readonly brokerIds: readonly number[] }[] | null,
): TopicFault | undefined {
  if (count === before) return fault(errorCodes.INVALID_PARTITIONS, `Topic already has ${before} partition(s).`);
  if (count < before) {
    const found = `The topic ${name} currently has ${before} partition(s); ${count} would not be an increase.`;
    return fault(errorCodes.INVALID_PARTITIONS, found);
  }
  if (count > MAX_PARTITIONS) return fault(errorCodes.POLICY_VIOLATION, "Excessively large number of partitions per request.");
  if (assignments === null) return undefined;
  if (assignments.length !== count - before) {
    const found = `Attempted to add ${count - before} additional partition(s), but only ${assignments.length} assignment(s) were specified.`;
    return fault(errorCodes.INVALID_REPLICA_ASSIGNMENT, found);
  }
  for (const { brokerIds } of assignments) {
    const found = replicasFault(nodeId, brokerIds);
    if (found) return found;
  }
  return undefined;
}
