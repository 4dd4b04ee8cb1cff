/** One open file of a log. */
export interface LogFile {
  /** Bytes that it holds. */
  size(): Promise<number>;
  /** Fills `target[at, end)` from `position`; returns how many bytes there were. */
  read(target: Buffer, at: number, end: number, position: number): Promise<number>;
  /** Writes all pieces one after the other from `position` on; a short write is gone on with. */
  write(pieces: readonly Uint8Array[], position: number): Promise<void>;
  truncate(size: number): Promise<void>;
  /** Resolves when what was written survives a power cut. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Where the logs lie: a disk, or memory. Paths are those of node:path. */
export interface LogFiles {
  readonly makeFolder: (folder: string) => Promise<void>;
  /** The names in a folder. */
  readonly list: (folder: string) => Promise<string[]>;
  /** Opens a file for reading and writing; an empty one is made where there is none. */
  readonly open: (file: string) => Promise<LogFile>;
  /** Bytes that a file holds; 0 where there is none. */
  readonly sizeOf: (file: string) => Promise<number>;
  /** The first bytes of a file, all without `most`; undefined where there is none. */
  readonly readStart: (file: string, most?: number) => Promise<Buffer | undefined>;
  /** Puts `content` in the place of what the file held: never seen half, but lost in a power cut unless it is synced. */
  readonly replace: (file: string, content: Uint8Array) => Promise<void>;
  readonly rename: (from: string, to: string) => Promise<void>;
  /** Removes a file, or a folder with all that it holds; nothing where there is none. */
  readonly remove: (file: string) => Promise<void>;
  /** Makes the names in a folder durable. */
  readonly syncFolder: (folder: string) => Promise<void>;
  /** The size of the medium and what is free of it, in bytes; −1 where that means nothing. */
  readonly space: (folder: string) => Promise<{ readonly totalBytes: number; readonly usableBytes: number }>;
}
