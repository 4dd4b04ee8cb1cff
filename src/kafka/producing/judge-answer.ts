import { errorCodes, isRetriable } from "../../kafka-protocol/error-codes.ts";
import type { OutgoingBatch } from "./outgoing-batch.ts";

/** What becomes of a batch that a broker has answered for. */
export type AnswerVerdict = "stored" | "out of sequence" | "fenced" | "in halves" | "again" | "failed";

/** Errors after which a batch surely is not in the log. Every other one may come after it was appended, as when its leader changes. */
const NOT_APPENDED: ReadonlySet<number> = new Set<number>([
  errorCodes.NOT_ENOUGH_REPLICAS,
  errorCodes.CORRUPT_MESSAGE,
  errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
  errorCodes.THROTTLING_QUOTA_EXCEEDED,
]);

/** What the error code of an answer means for the batch, by the rules of KIP-98 and KIP-360. */
export function judgeAnswer(code: number, batch: OutgoingBatch): AnswerVerdict {
  switch (code) {
    case errorCodes.NONE:
    case errorCodes.DUPLICATE_SEQUENCE_NUMBER:
      return "stored";
    case errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER:
    case errorCodes.UNKNOWN_PRODUCER_ID:
      return "out of sequence";
    case errorCodes.INVALID_PRODUCER_EPOCH:
    case errorCodes.PRODUCER_FENCED:
      return "fenced";
    default:
      if (code === errorCodes.MESSAGE_TOO_LARGE && batch.builder.count > 1) return "in halves";
      return isRetriable(code) ? "again" : "failed";
  }
}

/** Whether a batch may be in the log although this error came back for it. */
export const mayBeStored = (code: number): boolean => !NOT_APPENDED.has(code);
