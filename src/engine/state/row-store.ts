import type { Row } from "../types/data-type.ts";
import type { ByteReader, ByteWriter } from "./byte-writer.ts";
import { keyText } from "./key-text.ts";
import type { StateFiles } from "./state-files.ts";
import { STATE_FORMATS, stateWriter } from "./state-frame.ts";
import type { StateStore } from "./state-store.ts";

type Entry = readonly [Row, Row];

/** A state of whole rows by key, for operators whose values have no fixed width: sessions, joins. */
export class RowStore implements StateStore {
  readonly #files: StateFiles;
  #entries = new Map<string, Entry>();
  /** The entry before the first change of this batch; undefined where there was none. */
  #before = new Map<string, Entry | undefined>();
  #version = 0;

  constructor(files: StateFiles) {
    this.#files = files;
  }

  get version(): number {
    return this.#version;
  }

  get size(): number {
    return this.#entries.size;
  }

  get memoryBytes(): number {
    return this.#entries.size * 250;
  }

  async load(version: number): Promise<void> {
    this.#entries.clear();
    this.#before.clear();
    await this.#files.read(version, STATE_FORMATS.rows, (reader) => this.#apply(reader));
    this.#version = version;
  }

  #apply(reader: ByteReader): void {
    for (let n = reader.uint32(); n > 0; n--) this.#entries.delete(keyText(reader.value()));
    for (let n = reader.uint32(); n > 0; n--) {
      const key = reader.value() as Row;
      this.#entries.set(keyText(key), [key, reader.value() as Row]);
    }
  }

  get(key: Row): Row | undefined {
    return this.#entries.get(keyText(key))?.[1];
  }

  put(key: Row, value: Row): void {
    const text = keyText(key);
    this.#remember(text);
    this.#entries.set(text, [key, value]);
  }

  remove(key: Row): boolean {
    const text = keyText(key);
    if (!this.#entries.has(text)) return false;
    this.#remember(text);
    return this.#entries.delete(text);
  }

  scan(): Iterable<Entry> {
    return this.#entries.values();
  }

  #remember(text: string): void {
    if (!this.#before.has(text)) this.#before.set(text, this.#entries.get(text));
  }

  async commit(version: number): Promise<number> {
    const snapshot = this.#files.wantsSnapshot;
    const content = snapshot ? this.#everything() : this.#changes();
    const bytes = await this.#files.write(version, snapshot ? "snapshot" : "delta", content, STATE_FORMATS.rows);
    this.#before.clear();
    this.#version = version;
    return bytes;
  }

  #everything(): ByteWriter {
    const writer = stateWriter();
    writer.uint32(0);
    writer.uint32(this.#entries.size);
    for (const entry of this.#entries.values()) write(writer, entry);
    return writer;
  }

  #changes(): ByteWriter {
    const removed: Entry[] = [];
    const put: Entry[] = [];
    for (const [text, before] of this.#before) {
      const now = this.#entries.get(text);
      if (now) put.push(now);
      else if (before) removed.push(before);
    }
    const writer = stateWriter();
    writer.uint32(removed.length);
    for (const [key] of removed) writer.value(key);
    writer.uint32(put.length);
    for (const entry of put) write(writer, entry);
    return writer;
  }

  async abort(): Promise<void> {
    for (const [text, before] of this.#before) {
      if (before) this.#entries.set(text, before);
      else this.#entries.delete(text);
    }
    this.#before.clear();
    return Promise.resolve();
  }

  purge(version: number): void {
    this.#files.purge(version);
  }
}

function write(writer: ByteWriter, [key, value]: Entry): void {
  writer.value(key);
  writer.value(value);
}
