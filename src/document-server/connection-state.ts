import type { Conversation } from "./security/conversation.ts";
import type { LoggedIn } from "./security/users.ts";
import type { Operation } from "./operation.ts";

/** What the server knows of one client: who it is, what it runs, how it is to be answered. */
export type ConnectionState = {
  readonly id: number;
  /** "127.0.0.1:50123" */
  readonly remote: string;
  /** It comes from this machine: it may make the first user. */
  readonly isLoopback: boolean;
  readonly isEncrypted: boolean;
  /** One user at most for each database that holds users. */
  readonly users: LoggedIn[];
  login: Conversation | undefined;
  operation: Operation | undefined;
  /** As hello's client metadata says. */
  appName: string | undefined;
};
