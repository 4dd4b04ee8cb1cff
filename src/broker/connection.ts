import type { Socket } from "node:net";
import { errorCodes } from "../kafka-protocol/error-codes.ts";
import { createFrameSplitter, encodeResponse, readRequest, readRequestHeader, type FrameSplitter } from "../kafka-protocol/frame.ts";
import { createReader } from "../kafka-protocol/reader.ts";
import type { ResponseDraft } from "../kafka-protocol/schema.ts";
import { apiVersionsApi } from "../kafka-protocol/messages/api-versions.ts";
import type { ApiHandler, BrokerState } from "./api-handler.ts";
import { apiVersionsAnswer } from "./apis/api-versions.ts";

/** Requests of one connection that may be under way at once; then no more are read until answers have left. */
const MAX_UNDER_WAY = 64;
/** Answers that a client does not read pile up to this; then none of its requests are read. */
const MAX_UNSENT_BYTES = 4 * 1024 * 1024;

type Pieces = readonly Uint8Array[];

/** A place in the line of answers: filled when the handler is done, sent when everything before it is. */
interface Slot {
  pieces: Pieces | undefined;
}

/**
 * Serves one client. Requests are started in the order in which they come and answered in that order; one that waits (a long poll, a join)
 * does not keep the ones behind it from being worked on. A frame that cannot be read ends the connection and nothing else.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #broker: BrokerState;
  readonly #handlers: ReadonlyMap<number, ApiHandler>;
  readonly #splitter: FrameSplitter;
  readonly #gone = new AbortController();
  readonly #line: Slot[] = [];
  readonly #clientHost: string;
  readonly #onFault: (thrown: unknown, what: string) => void;

  constructor(
    socket: Socket,
    broker: BrokerState,
    handlers: ReadonlyMap<number, ApiHandler>,
    onFault: (thrown: unknown, what: string) => void,
  ) {
    this.#socket = socket;
    this.#broker = broker;
    this.#handlers = handlers;
    this.#onFault = onFault;
    this.#clientHost = `/${(socket.remoteAddress ?? "").replace(/^::ffff:/, "")}`;
    this.#splitter = createFrameSplitter({ maxFrameBytes: broker.settings.maxRequestBytes, onFrame: (frame) => this.#take(frame) });
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("drain", () => this.#paceReading());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#gone.abort());
  }

  #receive(chunk: Buffer): void {
    try {
      this.#splitter.push(chunk);
    } catch (thrown) {
      this.#fail(thrown, "a frame");
    }
    this.#paceReading();
  }

  #fail(thrown: unknown, what: string): void {
    if (!this.#gone.signal.aborted) this.#onFault(thrown, `${what} from ${this.#clientHost}`);
    this.#gone.abort();
    this.#socket.destroy();
  }

  #paceReading(): void {
    const isBusy = this.#line.length >= MAX_UNDER_WAY || this.#socket.writableLength >= MAX_UNSENT_BYTES;
    if (isBusy && !this.#socket.isPaused()) this.#socket.pause();
    else if (!isBusy && this.#socket.isPaused()) this.#socket.resume();
  }

  #take(frame: Buffer): void {
    if (this.#gone.signal.aborted) return;
    const reader = createReader(frame);
    const { apiKey, apiVersion, correlationId } = readRequestHeader(reader);
    const handler = this.#handlers.get(apiKey);
    if (!handler || apiVersion < handler.versions[0] || apiVersion > handler.versions[1]) {
      if (apiKey !== apiVersionsApi.key) throw new Error(`API ${apiKey} version ${apiVersion} is not served`);
      const answer = apiVersionsAnswer(this.#broker, errorCodes.UNSUPPORTED_VERSION);
      this.#answer({ pieces: undefined }, encodeResponse(apiVersionsApi, 0, correlationId, answer), true);
      return;
    }
    const { clientId, body } = readRequest(handler.api, apiVersion, reader);
    const context = {
      broker: this.#broker,
      version: apiVersion,
      clientId: clientId ?? "",
      clientHost: this.#clientHost,
      signal: this.#gone.signal,
    };
    const slot: Slot = { pieces: undefined };
    this.#line.push(slot);
    const finish = (answer: unknown): void => {
      const pieces =
        answer === undefined ? [] : encodeResponse(handler.api, apiVersion, correlationId, answer as ResponseDraft<typeof handler.api>);
      this.#answer(slot, pieces, false);
    };
    const result = handler.handle(body, context);
    if (result instanceof Promise) result.then(finish).catch((thrown: unknown) => this.#fail(thrown, handler.api.name));
    else finish(result);
  }

  #answer(slot: Slot, pieces: Pieces, isNew: boolean): void {
    if (isNew) this.#line.push(slot);
    slot.pieces = pieces;
    if (this.#line[0] !== slot || this.#gone.signal.aborted) return;
    this.#socket.cork();
    while (this.#line[0]?.pieces) for (const piece of (this.#line.shift() as Slot).pieces ?? []) this.#socket.write(piece);
    this.#socket.uncork();
    if (this.#socket.isPaused()) this.#paceReading();
  }

  /** Ends the connection at once. */
  close(): void {
    this.#gone.abort();
    this.#socket.destroy();
  }
}
