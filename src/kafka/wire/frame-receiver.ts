import { KafkaProtocolError } from "../../kafka-protocol/protocol-error.ts";

/**
 * Cuts what a socket receives into frames, each in memory of its own. The socket asks `space()` where to put the next bytes: between frames that
 * is a small buffer, within a large one the frame itself, so that its bytes are written once, by the operating system.
 */
export interface FrameReceiver {
  space(): Uint8Array;
  /** `bytes` bytes have come to the front of what `space` gave last. Throws FRAME_TOO_LARGE; the receiver must not be used afterwards. */
  received(bytes: number): void;
  /** For sockets that bring their own buffers (TLS). */
  push(chunk: Uint8Array): void;
}

const SMALL_BYTES = 64 * 1024;

/** `onFrame` gets each whole frame without its length; it may keep it. `take` gives the memory of a frame: new memory if not given. */
export function createFrameReceiver(
  onFrame: (frame: Buffer) => void,
  take: (bytes: number) => Buffer = (bytes) => Buffer.allocUnsafeSlow(bytes),
  maxFrameBytes: number = 256 * 1024 * 1024,
): FrameReceiver {
  const small = Buffer.allocUnsafeSlow(SMALL_BYTES);
  const length = Buffer.alloc(4);
  let lengthBytes = 0;
  let frame: Buffer | undefined;
  let filled = 0;

  const begin = (): void => {
    const size = length.readInt32BE(0);
    lengthBytes = 0;
    if (size < 0 || size > maxFrameBytes) {
      throw new KafkaProtocolError("FRAME_TOO_LARGE", {
        failed: "Cannot take an answer of the broker",
        found: `its length says ${size} bytes, ${maxFrameBytes} at most are taken`,
        remedy: "Check that a Kafka broker listens on this port, without TLS where none is expected.",
      });
    }
    frame = take(size);
    filled = 0;
    finish();
  };
  const finish = (): void => {
    if (!frame || filled < frame.length) return;
    const whole = frame;
    frame = undefined;
    onFrame(whole);
  };
  const push = (chunk: Uint8Array): void => {
    let at = 0;
    while (at < chunk.length) {
      if (frame) {
        const take = Math.min(frame.length - filled, chunk.length - at);
        frame.set(chunk.subarray(at, at + take), filled);
        filled += take;
        at += take;
        finish();
      } else {
        length[lengthBytes++] = chunk[at++] as number;
        if (lengthBytes === 4) begin();
      }
    }
  };
  return {
    space: () => (frame ? frame.subarray(filled) : small),
    received: (bytes) => {
      if (!frame) return push(small.subarray(0, bytes));
      filled += bytes;
      finish();
    },
    push,
  };
}
