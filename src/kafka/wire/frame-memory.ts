/** Smaller frames have memory of their own. */
const SHARED_FROM_BYTES = 256 * 1024;
const STEP_BYTES = 1024 * 1024;
/** As many as a reader has on hand at a time: two stretches a partition ahead, and one on its way. */
const KEPT = 4;

/**
 * Memory of large frames, used again for later ones: a drain that takes new memory for every answer has the collector run all the time, because
 * the bytes lie outside its heap (a tenth of the processor's time, and a third of the memory).
 */
export interface FrameMemory {
  /** `size` bytes with any content. */
  take(size: number): Buffer;
  /** The memory that these bytes are a part of: nobody reads them any more. Memory that was not taken here is left alone. */
  giveBack(bytes: Uint8Array): void;
}

export function createFrameMemory(): FrameMemory {
  const lent = new WeakSet<ArrayBufferLike>();
  const free: ArrayBufferLike[] = [];
  return {
    take: (size) => {
      if (size < SHARED_FROM_BYTES) return Buffer.allocUnsafeSlow(size);
      const fitting = free.findIndex((memory) => memory.byteLength >= size);
      const memory = fitting < 0 ? Buffer.allocUnsafeSlow(Math.ceil(size / STEP_BYTES) * STEP_BYTES).buffer : free.splice(fitting, 1)[0];
      if (!memory) return Buffer.allocUnsafeSlow(size);
      lent.add(memory);
      return Buffer.from(memory as ArrayBuffer, 0, size);
    },
    giveBack: ({ buffer }) => {
      if (!lent.delete(buffer)) return;
      free.push(buffer);
      free.sort((a, b) => a.byteLength - b.byteLength);
      if (free.length > KEPT) free.shift();
    },
  };
}
