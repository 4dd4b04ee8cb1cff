import type { Socket } from "node:net";
import { errorCodes } from "../kafka-protocol/error-codes.ts";
import { createFrameSplitter, encodeResponse, readRequest, readRequestHeader, type FrameSplitter } from "../kafka-protocol/frame.ts";
import { createReader } from "../kafka-protocol/reader.ts";
import type { RequestOf, ResponseDraft } from "../kafka-protocol/schema.ts";
import { apiVersionsApi } from "../kafka-protocol/messages/api-versions.ts";
import { fetchApi } from "../kafka-protocol/messages/fetch.ts";
import { saslHandshakeApi } from "../kafka-protocol/messages/sasl-handshake.ts";
import type { ApiHandler, BrokerState, RequestContext } from "./api-handler.ts";
import { apiVersionsAnswer } from "./apis/api-versions.ts";
import type { RequestMemory } from "./request-memory.ts";
import { accessOf } from "./security/authorizer.ts";
import type { Login, LoginOptions, Session } from "./security/login.ts";

/** Requests of one connection that may be under way at once; then no more are started, and none are read, until answers have left. */
const MAX_UNDER_WAY = 64;
/** Requests of one connection that are under way may be as large together; one may always be. */
const MAX_UNDER_WAY_BYTES = 16 * 1024 * 1024;
/** Answers that a client does not read pile up to this; then none of its requests are started. */
const MAX_UNSENT_BYTES = 4 * 1024 * 1024;
/** Answers from this size on count as memory until they have left. */
const LARGE_ANSWER_BYTES = 256 * 1024;
/** A login is small (`sasl.server.max.receive.size`). */
const MAX_LOGIN_BYTES = 524_288;
const ANONYMOUS = "User:ANONYMOUS";

type Pieces = readonly Uint8Array[];

/** A place in the line of answers: filled when the handler is done, sent when everything before it is. */
interface Slot {
  pieces: Pieces | undefined;
  readonly bytes: number;
  readonly claimedBytes: number;
}

/** A request that has come and is not started yet. */
interface Frame {
  readonly bytes: Buffer;
  /** What it took of the memory of all connections. */
  readonly claimedBytes: number;
}

export interface ConnectionOptions {
  readonly broker: BrokerState;
  readonly handlers: ReadonlyMap<number, ApiHandler>;
  /** Who the client is by its certificate; undefined where that is not asked. */
  readonly principal?: string | undefined;
  /** How clients log in; undefined where the listener asks for no login. `again`: the session that is renewed. */
  readonly login?: ((again: Session | undefined, apiVersions: LoginOptions["apiVersions"]) => Login) | undefined;
  /** Whether sessions end, so that clients log in again on a connection (KIP-368). */
  readonly renews: boolean;
  readonly memory: RequestMemory;
  readonly onFault: (thrown: unknown, what: string) => void;
}

/**
 * Serves one client. Requests are started in the order in which they come and answered in that order; one that waits (a long poll, a join)
 * does not keep the ones behind it from being worked on, except that of fetches one is under way at a time, since each answer may be large.
 * What a client may have under way and leave unread is bounded; beyond it nothing more is read. A frame that cannot be read ends the
 * connection and nothing else. Before a login only what belongs to it is taken.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #splitter: FrameSplitter;
  readonly #gone = new AbortController();
  readonly #frames: Frame[] = [];
  readonly #line: Slot[] = [];
  readonly #clientHost: string;
  #context: Omit<RequestContext, "version" | "clientId">;
  #login: Login | undefined;
  #session: Session | undefined;
  #isLoggingIn = false;
  #isFetching = false;
  #underWayBytes = 0;
  /** Of answers that wait in the line for one before them. */
  #doneBytes = 0;
  /** By the frame that is coming in. */
  #claimedBytes = 0;
  /** Of large answers that have not left yet. */
  #heldBytes = 0;
  #hasSpoken = false;
  #activeAtMs = performance.now();
  #unsentBefore = 0;
  #closing: NodeJS.Timeout | undefined;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    const { settings } = options.broker;
    const host = (socket.remoteAddress ?? "").replace(/^::ffff:/, "");
    this.#clientHost = `/${host}`;
    this.#context = this.#contextOf(options.principal ?? ANONYMOUS);
    this.#login = options.login?.(undefined, (version, body) => this.#versions(version, body));
    const limit = (): number => (this.#login ? Math.min(MAX_LOGIN_BYTES, settings.maxRequestBytes) : settings.maxRequestBytes);
    this.#splitter = createFrameSplitter({
      get maxFrameBytes() {
        return limit();
      },
      onFrame: (bytes) => {
        this.#frames.push({ bytes, claimedBytes: this.#claimedBytes });
        this.#claimedBytes = 0;
      },
      onGrow: (bytes) => {
        options.memory.take(this, bytes);
        this.#claimedBytes += bytes;
      },
    });
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("drain", () => {
      this.#activeAtMs = performance.now();
      if (this.#heldBytes > 0 && socket.writableLength === 0) {
        options.memory.giveBack(this, this.#heldBytes);
        this.#heldBytes = 0;
      }
      this.#advance();
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#end());
  }

  #contextOf(principal: string): Omit<RequestContext, "version" | "clientId"> {
    const { broker } = this.#options;
    return {
      broker,
      clientHost: this.#clientHost,
      principal,
      access: accessOf(broker.security.authorizer, { principal, host: this.#clientHost.slice(1) }),
      signal: this.#gone.signal,
    };
  }

  #versions(version: number, body: unknown): ResponseDraft<typeof apiVersionsApi> {
    const handler = this.#options.handlers.get(apiVersionsApi.key);
    if (!handler || body === undefined) return apiVersionsAnswer(this.#options.broker, errorCodes.UNSUPPORTED_VERSION);
    return handler.handle(body, { ...this.#context, version, clientId: "" }) as ResponseDraft<typeof apiVersionsApi>;
  }

  #receive(chunk: Buffer): void {
    if (this.#gone.signal.aborted) return;
    this.#activeAtMs = performance.now();
    try {
      if (!this.#hasSpoken) this.#hearFirst(chunk);
      this.#splitter.push(chunk);
    } catch (thrown) {
      this.#fail(thrown, "a frame");
    }
    this.#advance();
  }

  /** TLS begins with 0x16 0x03, which as a length is more than any that is taken. */
  #hearFirst(chunk: Buffer): void {
    this.#hasSpoken = true;
    if (chunk[0] === 0x16 && chunk[1] === 0x03) throw new Error("the client speaks TLS on a listener without");
  }

  #fail(thrown: unknown, what: string): void {
    if (!this.#gone.signal.aborted) this.#options.onFault(thrown, `${what} from ${this.#clientHost}`);
    this.close();
  }

  get #isFull(): boolean {
    return (
      this.#line.length >= MAX_UNDER_WAY ||
      this.#underWayBytes >= MAX_UNDER_WAY_BYTES ||
      this.#socket.writableLength + this.#doneBytes >= MAX_UNSENT_BYTES
    );
  }

  /** Starts what may be started of the frames that have come, and stops or goes on reading. */
  #advance(): void {
    while (this.#frames.length > 0 && !this.#gone.signal.aborted && this.#isFree()) {
      const frame = this.#frames.shift() as Frame;
      try {
        this.#start(frame);
      } catch (thrown) {
        this.#fail(thrown, "a frame");
      }
    }
    if (this.#gone.signal.aborted) return;
    const isBusy = this.#frames.length > 0 || this.#isFull || this.#closing !== undefined;
    if (isBusy && !this.#socket.isPaused()) this.#socket.pause();
    else if (!isBusy && this.#socket.isPaused()) this.#socket.resume();
  }

  #isFree(): boolean {
    if (this.#isFull || this.#isLoggingIn || this.#closing) return false;
    if (this.#login) return this.#line.length === 0;
    const { bytes } = this.#frames[0] as Frame;
    const key = bytes.length >= 2 ? bytes.readInt16BE(0) : -1;
    if (key === fetchApi.key) return !this.#isFetching;
    return key !== saslHandshakeApi.key || this.#line.length === 0;
  }

  #start({ bytes, claimedBytes }: Frame): void {
    const reader = createReader(bytes);
    const { apiKey, apiVersion, correlationId } = readRequestHeader(reader);
    const isRenewal = this.#options.renews && this.#session !== undefined && apiKey === saslHandshakeApi.key;
    if (isRenewal) this.#login ??= this.#options.login?.(this.#session, (version, body) => this.#versions(version, body));
    if (this.#login) {
      this.#isLoggingIn = true;
      void this.#logIn(this.#login, bytes);
      return;
    }
    if (this.#session && performance.now() > this.#session.expiresAtMs) throw new Error("the session has ended, without a new login");
    const handler = this.#options.handlers.get(apiKey);
    if (!handler || apiVersion < handler.versions[0] || apiVersion > handler.versions[1]) {
      if (apiKey !== apiVersionsApi.key) throw new Error(`API ${apiKey} version ${apiVersion} is not served`);
      const slot: Slot = { pieces: undefined, bytes: 0, claimedBytes: 0 };
      this.#line.push(slot);
      const answer = apiVersionsAnswer(this.#options.broker, errorCodes.UNSUPPORTED_VERSION);
      this.#answer(slot, encodeResponse(apiVersionsApi, 0, correlationId, answer));
      return;
    }
    const { clientId, body } = readRequest(handler.api, apiVersion, reader);
    const slot: Slot = { pieces: undefined, bytes: bytes.length, claimedBytes };
    this.#line.push(slot);
    this.#underWayBytes += bytes.length;
    const isFetch = apiKey === fetchApi.key;
    if (isFetch) {
      this.#isFetching = true;
      const fetch = body as RequestOf<typeof fetchApi>;
      fetch.maxBytes = Math.min(fetch.maxBytes, this.#options.memory.answerBytes());
    }
    const finish = (answer: unknown): void => {
      if (isFetch) this.#isFetching = false;
      const pieces =
        answer === undefined ? [] : encodeResponse(handler.api, apiVersion, correlationId, answer as ResponseDraft<typeof handler.api>);
      if (isFetch) this.#hold(pieces);
      this.#answer(slot, pieces);
    };
    const result = handler.handle(body, { ...this.#context, version: apiVersion, clientId: clientId ?? "" });
    if (!(result instanceof Promise)) return finish(result);
    result
      .then((answer) => {
        finish(answer);
        this.#advance();
      })
      .catch((thrown: unknown) => this.#fail(thrown, handler.api.name));
  }

  async #logIn(login: Login, frame: Buffer): Promise<void> {
    try {
      const { reply, session, refused } = await login.take(frame);
      if (this.#gone.signal.aborted) return;
      if (refused !== undefined) {
        this.#options.onFault(new Error(refused), `a login from ${this.#clientHost}`);
        this.#closeLater(reply);
        return;
      }
      if (session) {
        this.#session = session;
        this.#login = undefined;
        this.#context = this.#contextOf(session.principal);
      }
      for (const piece of reply ?? []) this.#socket.write(piece);
    } catch (thrown) {
      this.#fail(thrown, "a login");
    } finally {
      this.#isLoggingIn = false;
      this.#advance();
    }
  }

  /** A login that failed is answered and ended after a while, which makes guessing slow (`connection.failed.authentication.delay.ms`). */
  #closeLater(reply: Pieces | undefined): void {
    this.#frames.length = 0;
    this.#closing = setTimeout(() => {
      for (const piece of reply ?? []) this.#socket.write(piece);
      this.#socket.destroySoon();
    }, this.#options.broker.settings.failedLoginDelayMs);
    this.#closing.unref();
  }

  #hold(pieces: Pieces): void {
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (bytes < LARGE_ANSWER_BYTES || this.#gone.signal.aborted) return;
    this.#heldBytes += bytes;
    this.#options.memory.hold(this, bytes);
  }

  #answer(slot: Slot, pieces: Pieces): void {
    slot.pieces = pieces;
    this.#underWayBytes -= slot.bytes;
    if (this.#gone.signal.aborted) return;
    if (slot.claimedBytes > 0) this.#options.memory.giveBack(this, slot.claimedBytes);
    if (this.#line[0] !== slot) {
      for (const piece of pieces) this.#doneBytes += piece.length;
      return;
    }
    this.#socket.cork();
    while (this.#line[0]?.pieces) {
      const next = this.#line.shift() as Slot;
      for (const piece of next.pieces ?? []) {
        if (next !== slot) this.#doneBytes -= piece.length;
        this.#socket.write(piece);
      }
    }
    this.#socket.uncork();
  }

  /** Whether nothing has come and nothing has left for so long, and nothing is being worked on. Asked now and then. */
  isIdle(nowMs: number, maxIdleMs: number): boolean {
    const unsent = this.#socket.writableLength;
    if (unsent !== this.#unsentBefore) this.#activeAtMs = nowMs;
    this.#unsentBefore = unsent;
    return nowMs - this.#activeAtMs > maxIdleMs && !this.#line.some(({ pieces }) => pieces === undefined);
  }

  #end(): void {
    this.#gone.abort();
    clearTimeout(this.#closing);
    this.#frames.length = 0;
    this.#line.length = 0;
    this.#options.memory.giveBackAll(this);
  }

  /** Ends the connection at once. */
  close(): void {
    this.#gone.abort();
    this.#socket.destroy();
  }
}
