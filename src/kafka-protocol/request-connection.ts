import net from "node:net";
import { createFrameSplitter, decodeResponse, encodeRequest } from "./frame.ts";
import { malformed } from "./protocol-error.ts";
import type { ApiTable, RequestDraft, ResponseOf } from "./schema.ts";

/** One socket to a broker: requests out, responses in, in the same order. No retries, no metadata: for probes, tools, tests, benchmarks. */
export interface RequestConnection {
  /** Rejects with MALFORMED_MESSAGE on an answer that does not fit, or when the connection ends first. */
  request<A extends ApiTable>(api: A, version: number, body: RequestDraft<A>): Promise<ResponseOf<A>>;
  /** Sends bytes as they are, and expects no answer to them. */
  sendBytes(bytes: Uint8Array): void;
  /** Resolves when the connection has ended, by whomever. */
  readonly ended: Promise<void>;
  close(): void;
}

export interface RequestConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly clientId?: string;
  /** 256 MiB by default. */
  readonly maxFrameBytes?: number;
  readonly signal?: AbortSignal;
}

interface Waiting {
  readonly correlationId: number;
  readonly take: (frame: Buffer) => void;
  readonly fail: (cause: unknown) => void;
}

const DEFAULT_MAX_FRAME_BYTES = 256 * 1024 * 1024;

/** Connects; rejects with the socket's error. */
export async function connectForRequests(options: RequestConnectionOptions): Promise<RequestConnection> {
  const socket = net.connect({
    host: options.host,
    port: options.port,
    noDelay: true,
    ...(options.signal ? { signal: options.signal } : {}),
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  const waiting: Waiting[] = [];
  let nextId = 0;
  const splitter = createFrameSplitter({
    maxFrameBytes: options.maxFrameBytes ?? DEFAULT_MAX_FRAME_BYTES,
    onFrame: (frame) => {
      const next = waiting.shift();
      if (!next) throw malformed("an answer that nobody asked for");
      next.take(frame);
    },
  });
  socket.on("data", (chunk: Buffer) => {
    try {
      splitter.push(chunk);
    } catch (thrown) {
      socket.destroy(thrown instanceof Error ? thrown : undefined);
    }
  });
  let failure: unknown;
  socket.on("error", (error) => (failure = error));
  const ended = new Promise<void>((resolve) => {
    socket.once("close", () => {
      for (const one of waiting.splice(0)) one.fail(failure ?? malformed("the other side ended the connection"));
      resolve();
    });
  });
  return {
    ended,
    close: () => socket.destroy(),
    sendBytes: (bytes) => void socket.write(bytes),
    request: (api, version, body) =>
      new Promise((resolve, reject) => {
        if (socket.destroyed) {
          reject(failure ?? malformed("the connection has ended"));
          return;
        }
        const correlationId = nextId++;
        const pieces = encodeRequest(api, version, { correlationId, clientId: options.clientId ?? "streamlab" }, body);
        waiting.push({
          correlationId,
          fail: reject,
          take: (frame) => {
            try {
              const answer = decodeResponse(api, version, frame);
              if (answer.correlationId !== correlationId)
                throw malformed(`an answer to request ${answer.correlationId}, not ${correlationId}`);
              resolve(answer.body);
            } catch (thrown) {
              reject(thrown as Error);
            }
          },
        });
        socket.cork();
        for (const piece of pieces) socket.write(piece);
        socket.uncork();
      }),
  };
}
