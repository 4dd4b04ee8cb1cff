import { StreamlabError, type Problem } from "../base/errors.ts";

/** What can keep the broker from starting or from storing. */
export type BrokerErrorCode =
  "PORT_IN_USE" | "CANNOT_LISTEN" | "DATA_FOLDER_IN_USE" | "DATA_FOLDER_UNREADABLE" | "BROKER_CLOSED" | "INVALID_OPTION";

/** A failure of the broker itself; what clients do wrong is answered in Kafka's own error codes. */
export class BrokerError extends StreamlabError {
  constructor(code: BrokerErrorCode, problem: Problem) {
    super(code, problem);
  }
}
