/**
 * The memory that large requests of all connections take while they come in and are worked on. A connection that would go beyond the limit is
 * refused, so that clients that promise much and send slowly cannot use up the machine. Requests that fit into their first buffer do not count.
 */
export interface RequestMemory {
  /** `owner` takes more. Throws an Error where it is too much. */
  take(owner: object, bytes: number): void;
  /** `owner` needs as much less, at most what it took. */
  giveBack(owner: object, bytes: number): void;
  giveBackAll(owner: object): void;
  readonly usedBytes: number;
}

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
    giveBack: (owner, bytes) => {
      const own = taken.get(owner);
      if (own !== undefined) set(owner, Math.max(0, own - bytes));
    },
    giveBackAll: (owner) => set(owner, 0),
  };
}
