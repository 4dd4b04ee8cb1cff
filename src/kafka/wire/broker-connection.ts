import net from "node:net";
import tls from "node:tls";
import { apiTables } from "../../kafka-protocol/apis.ts";
import { apiVersionsApi } from "../../kafka-protocol/messages/api-versions.ts";
import { saslAuthenticateApi } from "../../kafka-protocol/messages/sasl-authenticate.ts";
import { saslHandshakeApi } from "../../kafka-protocol/messages/sasl-handshake.ts";
import { errorName } from "../../kafka-protocol/error-codes.ts";
import { decodeResponse, encodeRequest } from "../../kafka-protocol/frame.ts";
import type { ApiTable, RequestDraft, ResponseOf } from "../../kafka-protocol/schema.ts";
import { KafkaError, loginRefused, unreachable } from "../kafka-error.ts";
import type { KafkaConnection } from "../kafkajs-adapter.ts";
import { checkPlain, closedAtOnce, tlsFailure } from "../tls-failure.ts";
import { createFrameMemory, type FrameMemory } from "./frame-memory.ts";
import { createFrameReceiver } from "./frame-receiver.ts";
import { login, mechanismName } from "./sasl.ts";

export type Address = { readonly host: string; readonly port: number };

interface Waiting {
  readonly decode: (frame: Buffer) => void;
  readonly reject: (reason: Error) => void;
}

const SILENT = new Error("no answer in time");
const CONNECT_TIMEOUT_MS = 3000;
/** A broker that owes an answer and is silent for so long is taken for dead; a fetch waits half a second at most. */
const SILENCE_MS = 30_000;

/**
 * One connection to one broker, over our own codec: requests may be sent ahead, answers come in their order. After an error it is closed, every
 * waiting request rejects with KAFKA_UNREACHABLE, and the owner opens another.
 */
export class BrokerConnection {
  readonly #address: Address;
  readonly #clientId: string;
  readonly #socket: net.Socket;
  readonly #memory: FrameMemory = createFrameMemory();
  readonly #waiting: Waiting[] = [];
  readonly #versions = new Map<number, number>();
  readonly #options: Omit<KafkaConnection, "brokers">;
  #isConnected = false;
  /** Of anything but its versions, which a broker tells everyone. */
  #hasHeard = false;
  #correlation = 0;
  #failure: Error | undefined;

  /**
   * Connects, asks which versions the broker speaks, and logs in where credentials are given.
   * @throws KafkaError KAFKA_UNREACHABLE, KAFKA_LOGIN, KAFKA_TLS
   */
  static async open(address: Address, options: Omit<KafkaConnection, "brokers">): Promise<BrokerConnection> {
    checkPlain(address.host, address.port, options);
    const connection = new BrokerConnection(address, options);
    try {
      await connection.#connected();
      await connection.#negotiate();
      connection.#hasHeard = false;
      if (options.sasl) await connection.#login(options.sasl);
    } catch (thrown) {
      connection.close();
      throw thrown;
    }
    return connection;
  }

  private constructor(address: Address, options: Omit<KafkaConnection, "brokers">) {
    this.#address = address;
    this.#options = options;
    this.#clientId = options.clientId ?? "streamlab";
    const receiver = createFrameReceiver((frame) => this.#answered(frame), this.#memory.take);
    const guarded = (receive: () => void): boolean => {
      try {
        receive();
      } catch (thrown) {
        this.#fail(thrown as Error);
      }
      return true;
    };
    if (options.ssl) {
      const files = options.ssl === true ? {} : options.ssl;
      const servername = net.isIP(address.host) ? {} : { servername: address.host };
      this.#socket = tls.connect({ ...address, ...servername, ...files, minVersion: "TLSv1.2" });
      this.#socket.on("data", (chunk: Buffer) => guarded(() => receiver.push(chunk)));
    } else {
      const onread = { buffer: () => receiver.space(), callback: (bytes: number) => guarded(() => receiver.received(bytes)) };
      this.#socket = net.connect({ ...address, noDelay: true, keepAlive: true, onread: onread as unknown as net.OnReadOpts });
    }
    this.#socket.setTimeout(CONNECT_TIMEOUT_MS);
    this.#socket.on("timeout", () => {
      if (this.#socket.connecting || this.#waiting.length > 0) this.#fail(SILENT);
    });
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.on("close", () => this.#fail(new Error("the broker closed the connection")));
  }

  get closed(): boolean {
    return this.#failure !== undefined;
  }

  /** Whether there is a version of an API that both sides speak. */
  speaks(api: ApiTable): boolean {
    return this.#versions.has(api.key);
  }

  /** Sends one request; the write happens before this returns. Not for `acks: 0`, which has no answer: that is `post`. */
  request<A extends ApiTable>(api: A, body: RequestDraft<A>): Promise<ResponseOf<A>> {
    const version = api.key === apiVersionsApi.key ? 0 : this.#versions.get(api.key);
    if (version === undefined) return Promise.reject(this.#unsupported(api));
    return this.#send(api, version, body);
  }

  /** Sends a request that has no answer (`acks: 0`); resolves when the system has taken its bytes. */
  post<A extends ApiTable>(api: A, body: RequestDraft<A>): Promise<void> {
    const version = this.#versions.get(api.key);
    if (version === undefined) return Promise.reject(this.#unsupported(api));
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      this.#write(api, version, body, (error) => (error ? reject(this.#failure ?? error) : resolve()));
    });
  }

  /** Nobody reads the bytes of an answer any more, of which these are a part; a later answer may get their memory. */
  giveBack(bytes: Uint8Array): void {
    this.#memory.giveBack(bytes);
  }

  close(): void {
    this.#fail(new KafkaError("KAFKA_CLOSED", { failed: "The connection is closed", found: "close was called", remedy: "Open another." }));
  }

  #send<A extends ApiTable>(api: A, version: number, body: RequestDraft<A>): Promise<ResponseOf<A>> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      const correlationId = this.#write(api, version, body);
      this.#waiting.push({
        decode: (frame) => {
          const answer = decodeResponse(api, version, frame);
          if (answer.correlationId !== correlationId) throw new Error(`answer ${answer.correlationId} to request ${correlationId}`);
          resolve(answer.body);
        },
        reject,
      });
    });
  }

  #write<A extends ApiTable>(api: A, version: number, body: RequestDraft<A>, written?: (error?: Error | null) => void): number {
    const correlationId = this.#correlation++ & 0x7fffffff;
    const pieces = encodeRequest(api, version, { correlationId, clientId: this.#clientId }, body);
    if (pieces.length > 1) this.#socket.cork();
    pieces.forEach((piece, i) => this.#socket.write(piece, i === pieces.length - 1 ? written : undefined));
    if (pieces.length > 1) this.#socket.uncork();
    return correlationId;
  }

  #answered(frame: Buffer): void {
    const waiting = this.#waiting.shift();
    if (!waiting) throw new Error("an answer that nobody asked for");
    this.#hasHeard = true;
    try {
      waiting.decode(frame);
    } catch (thrown) {
      waiting.reject(thrown as Error);
      throw thrown;
    }
  }

  #fail(cause: Error): void {
    if (this.#failure) return;
    this.#failure = cause instanceof KafkaError ? cause : this.#faultOf(cause);
    this.#socket.destroy();
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#failure);
  }

  #faultOf(cause: Error): KafkaError {
    const address = [`${this.#address.host}:${this.#address.port}`];
    const isCut = this.#isConnected && !this.#hasHeard && cause !== SILENT;
    return tlsFailure(address, cause) ?? (isCut ? closedAtOnce(address, this.#options, cause) : unreachable(address, cause));
  }

  async #connected(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#socket.once(this.#socket instanceof tls.TLSSocket ? "secureConnect" : "connect", resolve);
      this.#socket.once("close", () => resolve());
    });
    if (this.#failure) throw this.#failure;
    this.#isConnected = true;
    this.#socket.setTimeout(SILENCE_MS);
  }

  async #negotiate(): Promise<void> {
    const answer = await this.#send(apiVersionsApi, 0, { clientSoftwareName: "streamlab", clientSoftwareVersion: "1" });
    const offered = new Map(answer.apiKeys.map((api) => [api.apiKey, api]));
    for (const api of apiTables) {
      const theirs = offered.get(api.key);
      const version = Math.min(api.versions[1], theirs?.maxVersion ?? -1);
      if (theirs && version >= Math.max(api.versions[0], theirs.minVersion)) this.#versions.set(api.key, version);
    }
  }

  async #login(sasl: NonNullable<KafkaConnection["sasl"]>): Promise<void> {
    const address = [`${this.#address.host}:${this.#address.port}`];
    const handshake = await this.#send(saslHandshakeApi, 1, { mechanism: mechanismName(sasl) });
    if (handshake.errorCode !== 0) {
      throw loginRefused(
        address,
        `${errorName(handshake.errorCode)}; the broker offers ${handshake.mechanisms.join(", ") || "no mechanism"}`,
      );
    }
    try {
      await login(sasl, async (words) => {
        const answer = await this.request(saslAuthenticateApi, { authBytes: words });
        if (answer.errorCode !== 0) throw loginRefused(address, answer.errorMessage ?? errorName(answer.errorCode));
        return answer.authBytes;
      });
    } catch (thrown) {
      throw thrown instanceof KafkaError ? thrown : loginRefused(address, (thrown as Error).message, thrown);
    }
  }

  #unsupported(api: ApiTable): KafkaError {
    return new KafkaError("KAFKA_REQUEST", {
      failed: `Cannot ask the broker at ${this.#address.host}:${this.#address.port} for ${api.name}`,
      found: "it speaks no version of it that this program speaks",
      remedy: "Use a broker of Kafka 1.0 or later.",
    });
  }
}
