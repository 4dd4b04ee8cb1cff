import type { Clock } from "../base/clock.ts";
import type { ConnectionState } from "./connection-state.ts";
import type { Cursors } from "./cursors.ts";
import type { FailPoints } from "./fail-points.ts";
import type { Operation } from "./operation.ts";
import type { Access } from "./security/access.ts";
import type { Users } from "./security/users.ts";
import type { Catalog } from "./storage/catalog.ts";
import type { DocumentFile } from "./storage/document-file.ts";

/** What every command of one server works on. */
export type ServerState = {
  readonly file: DocumentFile;
  readonly catalog: Catalog;
  readonly cursors: Cursors;
  readonly failPoints: FailPoints;
  readonly clock: Clock;
  readonly users: Users;
  readonly access: Access;
  readonly connections: Set<ConnectionState>;
  /** Commands under way, by their ids. */
  readonly operations: Map<number, Operation>;
  /** Undefined where everything is in memory. */
  readonly dataDir: string | undefined;
  readonly startedMs: number;
  /** `unfinishedBytes`: of messages that have not arrived whole yet, over all connections. */
  readonly counters: { totalConnections: number; commands: number; unfinishedBytes: number; bytesIn: number; bytesOut: number };
  readonly ttl: { passes: number; deletedDocuments: number };
  readonly maxConnections: number;
  readonly commandNames: Iterable<string>;
  readonly isEncrypted: boolean;
  address: { host: string; port: number };
};
