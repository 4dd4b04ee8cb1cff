import type { Clock } from "../base/clock.ts";
import type { Cursors } from "./cursors.ts";
import type { Catalog } from "./storage/catalog.ts";
import type { DocumentFile } from "./storage/document-file.ts";

/** What every command of one server works on. */
export type ServerState = {
  readonly file: DocumentFile;
  readonly catalog: Catalog;
  readonly cursors: Cursors;
  readonly clock: Clock;
  readonly dataDir: string;
  readonly startedMs: number;
  readonly counters: { connections: number; totalConnections: number; commands: number };
  address: { host: string; port: number };
};
