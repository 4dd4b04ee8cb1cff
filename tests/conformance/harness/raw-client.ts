import net from "node:net";
import { createFrameSplitter, decodeResponse, encodeRequest, encodeResponse } from "../../../src/kafka-protocol/frame.ts";
import type { ApiTable, RequestDraft, ResponseDraft, ResponseOf } from "../../../src/kafka-protocol/schema.ts";
import { RAW_CLIENT_ID } from "./request-tap.ts";

/** A connection of frames: what goes out and comes in is seen as it is, the end of the connection too. */
export interface RawClient {
  /** The answer; "closed" where the broker ends the connection instead. Throws where the answer's bytes are not those of its table. */
  ask<A extends ApiTable>(api: A, version: number, body: RequestDraft<A>): Promise<ResponseOf<A> | "closed">;
  /** The frame that comes next, without its length, or "closed". */
  askBytes(frame: Uint8Array): Promise<Buffer | "closed">;
  /** Sends a request to which no answer comes (acks=0). */
  tell<A extends ApiTable>(api: A, version: number, body: RequestDraft<A>): void;
  close(): void;
  /** Resolves when the connection has ended, by whomever. */
  readonly ended: Promise<void>;
}

const MAX_FRAME_BYTES = 256 * 1024 * 1024;
/** No answer that is meant to come takes nearly so long. */
const ANSWER_MS = 20_000;

/** Connects to a broker on loopback. */
export async function connectRaw(port: number, host: string = "127.0.0.1"): Promise<RawClient> {
  const socket = net.connect({ host, port, noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  return rawClientOver(socket);
}

/** Tagged structures that an answer left out read as their defaults, and would be written with them. */
function withoutDefaults(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDefaults);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  const isLeftOut = (one: unknown): boolean =>
    typeof one === "object" &&
    one !== null &&
    !Array.isArray(one) &&
    !(one instanceof Uint8Array) &&
    Object.values(one).every((field) => field === -1);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, one]) => !isLeftOut(one))
      .map(([name, one]) => [name, withoutDefaults(one)]),
  );
}

/** Speaks over a socket that is connected already, of TLS for instance. */
export function rawClientOver(socket: net.Socket): RawClient {
  const waiting: ((frame: Buffer | "closed") => void)[] = [];
  const splitter = createFrameSplitter({ maxFrameBytes: MAX_FRAME_BYTES, onFrame: (frame) => waiting.shift()?.(Buffer.from(frame)) });
  socket.on("data", (chunk: Buffer) => {
    try {
      splitter.push(chunk);
    } catch {
      socket.destroy();
    }
  });
  socket.on("error", () => undefined);
  socket.on("close", () => {
    for (const take of waiting.splice(0)) take("closed");
  });
  const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const askBytes = (frame: Uint8Array): Promise<Buffer | "closed"> =>
    new Promise((resolve, reject) => {
      if (socket.destroyed) {
        resolve("closed");
        return;
      }
      const timer = setTimeout(() => reject(new Error(`no answer after ${ANSWER_MS / 1000} s`)), ANSWER_MS);
      waiting.push((answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      socket.write(frame);
    });
  let correlationId = 7;
  const frameOf = (api: ApiTable, version: number, body: unknown): Buffer =>
    Buffer.concat(encodeRequest(api, version, { correlationId, clientId: RAW_CLIENT_ID }, body as RequestDraft<ApiTable>));
  return {
    askBytes,
    tell: (api, version, body) => {
      correlationId++;
      socket.write(frameOf(api, version, body));
    },
    ask: async (api, version, body) => {
      const asked = ++correlationId;
      const frame = await askBytes(frameOf(api, version, body)).catch((thrown: unknown) => {
        throw new Error(`${api.name} v${version}`, { cause: thrown });
      });
      if (frame === "closed") return frame;
      const answer = decodeResponse(api, version, frame);
      const again = Buffer.concat(encodeResponse(api, version, asked, withoutDefaults(answer.body) as ResponseDraft<typeof api>)).subarray(
        4,
      );
      if (!again.equals(frame))
        throw new Error(
          `${api.name} v${version}: ${frame.length} bytes came, its table writes ${again.length}: ${frame.toString("hex").slice(0, 400)}`,
        );
      return answer.body;
    },
    close: () => socket.destroy(),
    ended,
  };
}
