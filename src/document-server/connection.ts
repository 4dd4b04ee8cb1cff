import type { Socket } from "node:net";
import { dispatch, failureReply } from "./dispatch.ts";
import { CommandFailure } from "./failure.ts";
import type { ServerState } from "./server-state.ts";
import { BrokenFrame, FrameReader } from "./wire/frames.ts";
import { readRequest, writeReply } from "./wire/message.ts";

/** What all connections together may hold of messages that have not arrived whole; beyond it the one that adds more is closed. */
const MAX_UNFINISHED_BYTES = 256 * 1024 * 1024;

/**
 * Serves one client: messages in the order in which they came, one at a time; reading pauses while an answer waits for a slow reader, so that
 * no client can make the server hold more than one message in and one answer out. A broken frame closes the connection.
 */
export function serveConnection(state: ServerState, socket: Socket, connectionId: number): void {
  const frames = new FrameReader();
  const waiting: Buffer[] = [];
  let busy = false;
  socket.setNoDelay(true);
  state.counters.connections++;
  state.counters.totalConnections++;

  const run = async (): Promise<void> => {
    busy = true;
    try {
      for (let message = waiting.shift(); message && !socket.destroyed; message = waiting.shift()) {
        const answer = await answerTo(state, message, connectionId);
        if (answer && !socket.destroyed && !socket.write(answer)) await drained(socket);
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
    state.counters.connections--;
    account(0);
    waiting.length = 0;
  });
}

/** The answer's bytes, or undefined when the client wants none. Throws BrokenFrame. */
async function answerTo(state: ServerState, message: Buffer, connectionId: number): Promise<Buffer | undefined> {
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
  const reply = await dispatch(state, request, connectionId);
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
