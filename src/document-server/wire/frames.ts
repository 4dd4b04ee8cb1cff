/** MongoDB's limit on one message (maxMessageSizeBytes). */
export const MAX_MESSAGE_BYTES = 48_000_000;

/** A frame that no client sends: the connection is closed, the process goes on. */
export class BrokenFrame extends Error {}

/**
 * Cuts a byte stream into messages: int32 length (with itself), then the rest of the header. Holds at most one unfinished message, and
 * takes memory for it as its bytes arrive, not as its length promises.
 */
export class FrameReader {
  #chunks: Buffer[] = [];
  #held = 0;

  /** Adds what the socket read and gives the whole messages that are now complete. Throws BrokenFrame. */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    const messages: Buffer[] = [];
    for (;;) {
      if (this.#held < 4) return messages;
      const length = this.#head(4).readInt32LE(0);
      if (length < 16 || length > MAX_MESSAGE_BYTES) throw new BrokenFrame(`a message of ${length} bytes`);
      if (this.#held < length) return messages;
      messages.push(this.#take(length));
    }
  }

  /** Bytes of the unfinished message. */
  get held(): number {
    return this.#held;
  }

  #head(size: number): Buffer {
    const first = this.#chunks[0] as Buffer;
    if (first.length >= size) return first;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }

  #take(length: number): Buffer {
    const first = this.#chunks[0] as Buffer;
    if (first.length < length) this.#chunks = [Buffer.concat(this.#chunks)];
    const whole = this.#chunks[0] as Buffer;
    const message = whole.subarray(0, length);
    if (whole.length === length) this.#chunks.shift();
    else this.#chunks[0] = whole.subarray(length);
    this.#held -= length;
    return message;
  }
}
