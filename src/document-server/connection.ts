import type { Socket } from "node:net";
import { isLoopback } from "../base/loopback.ts";
import type { ConnectionState } from "./connection-state.ts";
import { dispatch, failureReply } from "./dispatch.ts";
import { CommandFailure } from "./failure.ts";
import type { ServerState } from "./server-state.ts";
import { isCompressed, packMessage, unpackMessage } from "./wire/compressed.ts";
import { BrokenFrame, FrameReader } from "./wire/frames.ts";
import { readRequest, writeReply } from "./wire/message.ts";

/** What all connections together may hold of messages that have not arrived whole; beyond it the one that adds more is closed. */
const MAX_UNFINISHED_BYTES = 256 * 1024 * 1024;

/**
 * Serves one client: messages in the order in which they came, one at a time; reading pauses while an answer waits for a slow reader, so that
 * no client can make the server hold more than one message in and one answer out. A broken frame closes the connection.
 */
export function serveConnection(state: ServerState, socket: Socket, connectionId: number, isEncrypted: boolean): void {
  const frames = new FrameReader();
  const waiting: Buffer[] = [];
  const address = socket.remoteAddress ?? "";
  const connection: ConnectionState = {
    id: connectionId,
    remote: `${address}:${socket.remotePort ?? 0}`,
    isLoopback: isLoopback(address),
    isEncrypted,
    users: [],
    login: undefined,
    operation: undefined,
    appName: undefined,
  };
  let busy = false;
  socket.setNoDelay(true);
  state.connections.add(connection);
  state.counters.totalConnections++;

  const run = async (): Promise<void> => {
    busy = true;
    try {
      for (let message = waiting.shift(); message && !socket.destroyed; message = waiting.shift()) {
        const answer = await answerTo(state, message, connection);
        if (!answer || socket.destroyed) continue;
        state.counters.bytesOut += answer.length;
        if (!socket.write(answer)) await drained(socket);
      }
    } catch {
      socket.destroy();
    }
    busy = false;
    if (!socket.destroyed) socket.resume();
  };

  let unfinished = 0;
  const account = (bytes: number): void => {
    state.counters.unfinishedBytes += bytes - unfinished;
    unfinished = bytes;
  };

  socket.on("data", (chunk: Buffer) => {
    state.counters.bytesIn += chunk.length;
    try {
      waiting.push(...frames.push(chunk));
      account(frames.held);
      if (state.counters.unfinishedBytes > MAX_UNFINISHED_BYTES) throw new BrokenFrame("too much is unfinished");
    } catch {
      socket.destroy();
      return;
    }
    if (waiting.length === 0) return;
    socket.pause();
    if (!busy) void run();
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    state.connections.delete(connection);
    connection.operation?.kill("ClientDisconnect");
    account(0);
    waiting.length = 0;
  });
}

/** The answer's bytes, or undefined when the client wants none. Throws BrokenFrame. */
async function answerTo(state: ServerState, message: Buffer, connection: ConnectionState): Promise<Buffer | undefined> {
  if (!isCompressed(message)) return await plainAnswerTo(state, message, connection);
  const unpacked = await unpackMessage(message);
  const answer = await plainAnswerTo(state, unpacked.message, connection);
  return answer && unpacked.compressor ? await packMessage(answer, unpacked.compressor) : answer;
}

async function plainAnswerTo(state: ServerState, message: Buffer, connection: ConnectionState): Promise<Buffer | undefined> {
  let request: ReturnType<typeof readRequest>;
  try {
    request = readRequest(message);
  } catch (thrown) {
    if (thrown instanceof BrokenFrame || !(thrown instanceof CommandFailure)) throw thrown;
    const legacy = message.readInt32LE(12) !== 2013;
    return writeReply(
      { requestId: message.readInt32LE(4), bytes: message, bodyAt: 0, body: {}, database: "", sequences: new Map(), silent: false, legacy },
      failureReply(thrown),
    );
  }
  const reply = await dispatch(state, request, connection);
  return request.silent ? undefined : writeReply(request, reply);
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off("drain", done);
      socket.off("close", done);
      resolve();
    };
    socket.on("drain", done);
    socket.on("close", done);
  });
}
