/**
 * The memory that large requests of all connections take while they come in and are worked on, and large answers until they have left. A
 * connection whose request would go beyond the limit is refused, so that clients that promise much and send slowly cannot use up the machine;
 * answers get smaller the less is left, so that clients that ask for much and do not read it cannot either. Small ones do not count.
 */
export interface RequestMemory {
  /** `owner` takes more. Throws an Error where it is too much. */
  take(owner: object, bytes: number): void;
  /** `owner` takes more for an answer that is there already. */
  hold(owner: object, bytes: number): void;
  /** How large the next answer may be: a part of what is left, and never less than a megabyte. */
  answerBytes(): number;
  /** `owner` needs as much less, at most what it took. */
  giveBack(owner: object, bytes: number): void;
  giveBackAll(owner: object): void;
  readonly usedBytes: number;
}

const LEAST_ANSWER_BYTES = 1024 * 1024;
const ANSWERS_AT_ONCE = 8;

export function createRequestMemory(maxBytes: number): RequestMemory {
  const taken = new Map<object, number>();
  let used = 0;
  const set = (owner: object, bytes: number): void => {
    used += bytes - (taken.get(owner) ?? 0);
    if (bytes > 0) taken.set(owner, bytes);
    else taken.delete(owner);
  };
  return {
    get usedBytes() {
      return used;
    },
    take: (owner, bytes) => {
      if (used + bytes > maxBytes) throw new Error(`requests take more than ${maxBytes} bytes of memory together`);
      set(owner, (taken.get(owner) ?? 0) + bytes);
    },
    hold: (owner, bytes) => set(owner, (taken.get(owner) ?? 0) + bytes),
    answerBytes: () => Math.max(LEAST_ANSWER_BYTES, Math.floor((maxBytes - used) / ANSWERS_AT_ONCE)),
    giveBack: (owner, bytes) => {
      const own = taken.get(owner);
      if (own !== undefined) set(owner, Math.max(0, own - bytes));
    },
    giveBackAll: (owner) => set(owner, 0),
  };
}
