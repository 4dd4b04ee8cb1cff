import type { Clock } from "../base/clock.ts";
import type { Cursors } from "./cursors.ts";
import type { FailPoints } from "./fail-points.ts";
import type { Catalog } from "./storage/catalog.ts";
import type { DocumentFile } from "./storage/document-file.ts";

/** What every command of one server works on. */
export type ServerState = {
  readonly file: DocumentFile;
  readonly catalog: Catalog;
  readonly cursors: Cursors;
  readonly failPoints: FailPoints;
  readonly clock: Clock;
  readonly dataDir: string;
  readonly startedMs: number;
  /** `unfinishedBytes`: of messages that have not arrived whole yet, over all connections. */
  readonly counters: { connections: number; totalConnections: number; commands: number; unfinishedBytes: number };
  address: { host: string; port: number };
};
