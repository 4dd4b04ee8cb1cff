import { errorCodes, errorName } from "../../kafka-protocol/error-codes.ts";
import { BATCH_HEADER_BYTES } from "../../kafka-protocol/record-batch.ts";
import { KafkaError } from "../kafka-error.ts";
import type { OutgoingBatch } from "./outgoing-batch.ts";

const failedOf = ({ queue, builder }: OutgoingBatch): string =>
  `Cannot send ${builder.count === 1 ? "a message" : `${builder.count} messages`} to ${queue.topic}-${queue.partition}`;

const UNSURE = "whether the messages are in the log is not known";

/** Why the broker did not take a batch, in three parts. */
export function refusedBatch(batch: OutgoingBatch, code: number, message: string | null): KafkaError {
  const name = errorName(code);
  const failed = failedOf(batch);
  const found = message ? `${name}: ${message.replace(/\.$/, "")}` : name;
  switch (code) {
    case errorCodes.MESSAGE_TOO_LARGE:
      return new KafkaError("KAFKA_REQUEST", {
        failed,
        found: `${name}: the record has ${batch.builder.bytes - BATCH_HEADER_BYTES} bytes, ${batch.sealed?.length ?? 0} with its batch`,
        remedy:
          'Send smaller messages, or raise "max.message.bytes" of the topic; on a cluster of several brokers "replica.fetch.max.bytes" as well.',
      });
    case errorCodes.INVALID_PRODUCER_EPOCH:
    case errorCodes.PRODUCER_FENCED:
      return new KafkaError("KAFKA_REQUEST", {
        failed,
        found: `${name}: another producer has taken this one's id over`,
        remedy: "Close this producer and open another.",
      });
    case errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER:
    case errorCodes.UNKNOWN_PRODUCER_ID:
      return new KafkaError("KAFKA_REQUEST", {
        failed,
        found: `${name} after an attempt without an answer; ${UNSURE}`,
        remedy: "Look at the end of the topic, and send again what is missing; the broker may have lost acknowledged messages.",
      });
    case errorCodes.NOT_ENOUGH_REPLICAS:
    case errorCodes.NOT_ENOUGH_REPLICAS_AFTER_APPEND:
      return new KafkaError("KAFKA_REQUEST", {
        failed,
        found,
        remedy: 'Bring the missing brokers up, or lower "min.insync.replicas" of the topic.',
      });
    case errorCodes.UNSUPPORTED_COMPRESSION_TYPE:
      return new KafkaError("KAFKA_REQUEST", { failed, found, remedy: "Choose gzip, snappy, lz4 or none: zstd needs Kafka 2.1 or later." });
    default:
      return name.endsWith("AUTHORIZATION_FAILED")
        ? new KafkaError("KAFKA_NOT_ALLOWED", { failed, found, remedy: "Ask the cluster's owner for the right to write." })
        : new KafkaError("KAFKA_REQUEST", { failed, found, remedy: 'Look at the topic with "streamlab topics describe".' });
  }
}

/** A batch that was tried in vain, by the last failure. */
export function triedInVain(batch: OutgoingBatch, last: KafkaError | undefined): KafkaError {
  if (last && !batch.inDoubt) return last;
  return new KafkaError(last?.code === "KAFKA_UNREACHABLE" ? "KAFKA_UNREACHABLE" : "KAFKA_REQUEST", {
    failed: failedOf(batch),
    found: `${last ? last.problem.found : "no answer in time"}; ${UNSURE}`,
    remedy: last?.problem.remedy ?? "Look at the brokers, and at the end of the topic for what is there.",
    ...(last ? { cause: last } : {}),
  });
}

/** A batch that may be stored stands behind one that failed: sent again under another sequence it could be stored twice. */
export function leftInDoubt(batch: OutgoingBatch, cause: KafkaError | undefined): KafkaError {
  return new KafkaError("KAFKA_REQUEST", {
    failed: failedOf(batch),
    found: `a message before them failed after an attempt without an answer; ${UNSURE}`,
    remedy: "Look at the end of the topic, and send again what is missing.",
    ...(cause ? { cause } : {}),
  });
}

/** The producer was closed first. */
export function producerClosed(): KafkaError {
  return new KafkaError("KAFKA_CLOSED", {
    failed: "Cannot send messages",
    found: "the producer has been closed",
    remedy: "Wait for every send before closing, or open another producer.",
  });
}

/** A record larger than any broker reads at once, so that none could even refuse it. */
export function hugeRecord(topic: string, bytes: number, most: number): KafkaError {
  return new KafkaError("KAFKA_REQUEST", {
    failed: `Cannot send a message to "${topic}"`,
    found: `MESSAGE_TOO_LARGE: the record has ${bytes} bytes, brokers read requests of ${most} at most ("socket.request.max.bytes")`,
    remedy: "Send smaller messages: store large things elsewhere, and send where they are.",
  });
}

/** A partition that the topic does not have. */
export function noSuchPartition(topic: string, partition: number, count: number): KafkaError {
  return new KafkaError("KAFKA_OPTION", {
    failed: `Cannot send a message to "${topic}"`,
    found: `partition ${partition} is asked for, the topic has ${count === 1 ? "one" : count}`,
    remedy: `Choose one from 0 to ${count - 1}, or leave the choice to the key.`,
  });
}
