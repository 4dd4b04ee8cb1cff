import { createRandom } from "../base/random.ts";
import { StreamlabError } from "../base/errors.ts";
import { POISON_CORPUS } from "./poison-corpus.ts";
import type { GeneratedRecord, RecordGenerator, SpoilCounts } from "./record.ts";

/** Every spoiler may be used alone or around another; each draws from its own seeded stream, so adding one changes nothing in the others. */
export type SpoilOptions = {
  readonly seed: number;
  /** A fraction of the messages carries an event time that lies `byMs` in the past. */
  readonly late?: { readonly fraction: number; readonly byMs: number };
  /** Every message's event time lies up to `jitterMs` in the past, uniformly: neighbours change places. */
  readonly outOfOrder?: { readonly jitterMs: number };
  /** A fraction of the messages comes again, byte for byte, within the next `within` messages (100 if not given). */
  readonly duplicate?: { readonly fraction: number; readonly within?: number };
  /** A fraction of the messages has its value replaced from the poison corpus; the key stays. */
  readonly poison?: { readonly fraction: number };
  /** A fraction of the messages is lost before it is sent. */
  readonly drop?: { readonly fraction: number };
};

/** Wraps the generator in the spoilers that are asked for. Time is moved first, then values are poisoned, then whole messages doubled and dropped. */
export function spoil(generator: RecordGenerator, options: SpoilOptions): RecordGenerator {
  let spoiled = generator;
  if (options.outOfOrder) spoiled = outOfOrder(spoiled, options.seed, options.outOfOrder.jitterMs);
  if (options.late) spoiled = late(spoiled, options.seed, options.late.fraction, options.late.byMs);
  if (options.poison) spoiled = poison(spoiled, options.seed, options.poison.fraction);
  if (options.duplicate) spoiled = duplicate(spoiled, options.seed, options.duplicate.fraction, options.duplicate.within);
  if (options.drop) spoiled = drop(spoiled, options.seed, options.drop.fraction);
  return spoiled;
}

/** Moves the event time of a fraction of the messages `byMs` milliseconds into the past. */
export function late(inner: RecordGenerator, seed: number, fraction: number, byMs: number): RecordGenerator {
  checkFraction("late", fraction);
  const random = createRandom(seed).fork("late");
  let count = 0;
  return {
    next: (dueMs, eventTimeMs, out) => {
      const hit = random.next() < fraction;
      if (hit) count++;
      inner.next(dueMs, hit ? eventTimeMs - byMs : eventTimeMs, out);
    },
    spoiled: () => adding(inner, "late", count),
  };
}

/** Moves the event time of every message a uniform 0 … `jitterMs` milliseconds into the past; counts the messages that really moved. */
export function outOfOrder(inner: RecordGenerator, seed: number, jitterMs: number): RecordGenerator {
  const random = createRandom(seed).fork("out-of-order");
  let count = 0;
  return {
    next: (dueMs, eventTimeMs, out) => {
      const back = random.below(jitterMs + 1);
      if (back > 0) count++;
      inner.next(dueMs, eventTimeMs - back, out);
    },
    spoiled: () => adding(inner, "outOfOrder", count),
  };
}

/** Sends a fraction of the messages twice: the copy follows after 1 … `within` further messages, with the same key, bytes and timestamp. */
export function duplicate(inner: RecordGenerator, seed: number, fraction: number, within: number = 100): RecordGenerator {
  checkFraction("duplicate", fraction);
  const random = createRandom(seed).fork("duplicate");
  const waiting = new Map<number, GeneratedRecord[]>();
  let step = 0;
  let count = 0;
  return {
    next: (dueMs, eventTimeMs, out) => {
      const first = out.length;
      inner.next(dueMs, eventTimeMs, out);
      const last = out.length;
      for (let i = first; i < last; i++) {
        if (random.next() >= fraction) continue;
        const due = step + 1 + random.below(within);
        const others = waiting.get(due);
        if (others) others.push(out[i] as GeneratedRecord);
        else waiting.set(due, [out[i] as GeneratedRecord]);
      }
      const copies = waiting.get(step);
      if (copies) {
        out.push(...copies);
        count += copies.length;
        waiting.delete(step);
      }
      step++;
    },
    spoiled: () => adding(inner, "duplicated", count),
  };
}

/** Replaces the value of a fraction of the messages by one of `POISON_CORPUS`, each kind equally often. */
export function poison(inner: RecordGenerator, seed: number, fraction: number): RecordGenerator {
  checkFraction("poison", fraction);
  const random = createRandom(seed).fork("poison");
  let count = 0;
  return {
    next: (dueMs, eventTimeMs, out) => {
      const first = out.length;
      inner.next(dueMs, eventTimeMs, out);
      for (let i = first; i < out.length; i++) {
        if (random.next() >= fraction) continue;
        const record = out[i] as GeneratedRecord;
        const kind = random.pick(POISON_CORPUS);
        out[i] = { ...record, value: kind.make(typeof record.value === "string" ? record.value : "{}", random) };
        count++;
      }
    },
    spoiled: () => adding(inner, "poisoned", count),
  };
}

/** Loses a fraction of the messages. */
export function drop(inner: RecordGenerator, seed: number, fraction: number): RecordGenerator {
  checkFraction("drop", fraction);
  const random = createRandom(seed).fork("drop");
  let count = 0;
  return {
    next: (dueMs, eventTimeMs, out) => {
      let kept = out.length;
      inner.next(dueMs, eventTimeMs, out);
      for (let i = kept; i < out.length; i++) {
        if (random.next() < fraction) count++;
        else out[kept++] = out[i] as GeneratedRecord;
      }
      out.length = kept;
    },
    spoiled: () => adding(inner, "dropped", count),
  };
}

function adding(inner: RecordGenerator, kind: keyof SpoilCounts, count: number): SpoilCounts {
  const counts = inner.spoiled();
  return { ...counts, [kind]: counts[kind] + count };
}

function checkFraction(name: string, fraction: number): void {
  if (fraction >= 0 && fraction <= 1) return;
  throw new StreamlabError("INVALID_FRACTION", {
    failed: `Cannot spoil messages with ${name}`,
    found: `a fraction of ${fraction}`,
    remedy: "Give a share between 0 and 1, as in 0.05 for 5 %.",
  });
}
