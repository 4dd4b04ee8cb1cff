import { createConnection } from "node:net";
import type { Socket } from "node:net";
import { once } from "node:events";
import { StringDecoder } from "node:string_decoder";
import type { Clock } from "../../base/clock.ts";
import { StreamlabError } from "../../base/errors.ts";
import type { Format, FormatContext } from "../formats.ts";
import type { Row, StructType } from "../types/data-type.ts";
import type { Block, Offset, Source } from "./source.ts";

const VALUE = { name: "value", dataType: { type: "string" }, nullable: true } as const;
const SCHEMA: StructType = { type: "struct", fields: [VALUE] };
const WITH_TIMESTAMP: StructType = {
  type: "struct",
  fields: [VALUE, { name: "timestamp", dataType: { type: "timestamp" }, nullable: true }],
};

/**
 * `.format("socket")`: the lines that a server at `host` and `port` sends, for trying things out (Spark's TextSocketSource); with
 * `includeTimestamp` also when each came. **Nothing can be read twice**: lines that a stopped query had not finished are lost, and a query that would have
 * to repeat a batch at its restart is refused.
 */
export const socketFormat: Format = {
  name: "socket",
  sourceSchema: (context) => schemaOf(context),
  openSource: async (context) => {
    const { host = "", port = "" } = context.options;
    if (host === "" || !/^\d+$/.test(port))
      throw optionError("host or port is missing", 'Set both: option("host", "127.0.0.1").option("port", 9999).');
    if (context.streaming === false) throw optionError("it is read as a table", "A socket is a stream: use session.readStream.");
    const socket = createConnection({ host, port: Number(port) });
    try {
      await once(socket, "connect");
    } catch (cause) {
      socket.destroy();
      throw new StreamlabError("SOCKET_UNREACHABLE", {
        failed: `Cannot connect to ${host}:${port}`,
        found: cause instanceof Error ? cause.message : String(cause),
        remedy: `Start a server there first, such as: nc -lk ${port}`,
        cause,
      });
    }
    return new SocketSource(socket, context.clock, schemaOf(context), `TextSocketV2[host: ${host}, port: ${port}]`);
  },
};

function schemaOf({ options, schema }: FormatContext): StructType {
  if (schema && options.includeTimestamp === undefined && schema.fields.length !== 1)
    throw optionError("a schema was given", "The socket source has its own columns.");
  return options.includeTimestamp === "true" ? WITH_TIMESTAMP : SCHEMA;
}

class SocketSource implements Source {
  readonly schema: StructType;
  readonly description: string;
  readonly #socket: Socket;
  /** The number of the last line that is no longer kept. */
  #before = -1;
  #lines: Row[] = [];
  #counting = false;
  /** The greatest offset that this connection has answered for. */
  #promised = -1;
  #frozen: number | undefined;
  #wake: () => void = () => undefined;

  constructor(socket: Socket, clock: Clock, schema: StructType, description: string) {
    this.schema = schema;
    this.description = description;
    this.#socket = socket;
    const decoder = new StringDecoder("utf8");
    let rest = "";
    socket.on("data", (bytes: Buffer) => {
      const lines = (rest + decoder.write(bytes)).split("\n");
      rest = lines.pop() ?? "";
      const us = Math.floor(clock.nowMs()) * 1000;
      for (const line of lines) this.#lines.push([line.replace(/\r$/, ""), us].slice(0, schema.fields.length));
      this.#wake();
    });
    socket.on("error", () => socket.destroy());
  }

  initial(): Promise<Offset> {
    return Promise.resolve(-1);
  }

  latest(): Promise<Offset> {
    this.#promised = this.#frozen ?? this.#before + this.#lines.length;
    return Promise.resolve(this.#promised);
  }

  async *read(from: Offset, to: Offset): AsyncIterable<Block> {
    await Promise.resolve();
    const [first, last] = [numberOf(from) - this.#before, numberOf(to) - this.#before];
    if (first < 0 || last > this.#lines.length || numberOf(to) > this.#promised) {
      throw new StreamlabError("SOCKET_NOT_REPLAYABLE", {
        failed: "Cannot run the last batch again",
        found: "its lines came over a connection that is closed",
        remedy: "Start with a new checkpointLocation; use files or Kafka where nothing may be lost.",
      });
    }
    yield { kind: "rows", rows: this.#lines.slice(first, last) };
  }

  async changed(from: Offset, signal: AbortSignal): Promise<void> {
    while (this.#before + this.#lines.length <= numberOf(from)) {
      signal.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        const abort = (): void => reject(signal.reason as Error);
        signal.addEventListener("abort", abort, { once: true });
        this.#wake = () => {
          signal.removeEventListener("abort", abort);
          resolve();
        };
      });
    }
  }

  /** Lines up to `to` are forgotten. The first call, before anything is read, says where an earlier run has stopped: counting goes on from there. */
  commit(to: Offset): Promise<void> {
    const done = this.#counting ? numberOf(to) - this.#before : 0;
    this.#counting = true;
    this.#lines.splice(0, done);
    this.#before = numberOf(to);
    return Promise.resolve();
  }

  async freeze(): Promise<void> {
    this.#frozen = numberOf(await this.latest());
  }

  close(): Promise<void> {
    this.#socket.destroy();
    return Promise.resolve();
  }
}

function numberOf(offset: Offset): number {
  return typeof offset === "number" ? offset : -1;
}

function optionError(found: string, remedy: string): StreamlabError {
  return new StreamlabError("SOCKET_OPTION", { failed: "Cannot read from a socket with these options", found, remedy });
}
