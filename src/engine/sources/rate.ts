import { StreamlabError } from "../../base/errors.ts";
import { parseDurationMs } from "../../base/duration.ts";
import type { Clock } from "../../base/clock.ts";
import type { Format } from "../formats.ts";
import type { Row, StructType } from "../types/data-type.ts";
import type { Block, Offset, Source } from "./source.ts";

const SCHEMA: StructType = {
  type: "struct",
  fields: [
    { name: "timestamp", dataType: { type: "timestamp" }, nullable: true },
    { name: "value", dataType: { type: "bigint" }, nullable: true },
  ],
};

const number = (offset: Offset): number => (typeof offset === "number" ? offset : 0);

/** `rowsPerSecond` rows a second (1), each with the instant at which it is due and a running number; the rate is reached after `rampUpTime`. */
export const rateFormat: Format = {
  name: "rate",
  sourceSchema: () => SCHEMA,
  openSource: async ({ options, clock }) => {
    const perSecond = positive("rowsPerSecond", options.rowsPerSecond ?? "1");
    const partitions = options.numPartitions === undefined ? "default" : String(positive("numPartitions", options.numPartitions));
    const rampUp =
      options.rampUpTime === undefined
        ? 0
        : parseDurationMs(/^\d+$/.test(options.rampUpTime) ? `${options.rampUpTime} seconds` : options.rampUpTime) / 1000;
    return Promise.resolve(rateSource(perSecond, rampUp, partitions, clock));
  },
};

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new StreamlabError("RATE_OPTION", {
    failed: `Invalid value '${text}'`,
    found: `option ${name}`,
    remedy: `The option '${name}' must be positive.`,
  });
}

function rateSource(perSecond: number, rampUpSeconds: number, partitions: string, clock: Clock): Source {
  let startMs = Math.floor(clock.nowMs());
  let frozen: number | undefined;
  const upTo = (seconds: number): number => {
    const ramp = Math.min(seconds, rampUpSeconds);
    const rising = rampUpSeconds > 0 ? Math.floor((ramp * ramp * perSecond) / (2 * rampUpSeconds)) : 0;
    return rising + Math.max(0, seconds - rampUpSeconds) * perSecond;
  };
  const elapsed = (): number => Math.floor((clock.nowMs() - startMs) / 1000);
  return {
    schema: SCHEMA,
    description: `RateStreamV2[rowsPerSecond=${perSecond}, rampUpTimeSeconds=${rampUpSeconds}, numPartitions=${partitions}`,
    initial: () => Promise.resolve({ startMs, second: 0 }),
    latest: (from) => Promise.resolve({ startMs: startOf(from), second: frozen ?? Math.max(secondOf(from), elapsed()) }),
    read: (from, to) => {
      startMs = startOf(from);
      return blocks(upTo, startMs, secondOf(from), secondOf(to));
    },
    changed: async (from, signal) => {
      await clock.sleep(Math.max(0, startOf(from) + (secondOf(from) + 1) * 1000 - clock.nowMs()), signal);
    },
    commit: (to) => {
      startMs = startOf(to);
      return Promise.resolve();
    },
    freeze: () => {
      frozen = elapsed();
      return Promise.resolve();
    },
    shownOffset: (offset) => (offset === null ? null : secondOf(offset)),
    close: () => Promise.resolve(),
  };
}

function secondOf(offset: Offset): number {
  return typeof offset === "object" && offset !== null && "second" in offset ? number(offset.second) : 0;
}

function startOf(offset: Offset): number {
  return typeof offset === "object" && offset !== null && "startMs" in offset ? number(offset.startMs) : 0;
}

async function* blocks(upTo: (second: number) => number, startMs: number, from: number, to: number): AsyncIterable<Block> {
  for (let second = from; second < to; second++) {
    const [first, last] = [upTo(second), upTo(second + 1)];
    const rows: Row[] = [];
    for (let value = first; value < last; value++) {
      const us = (startMs + second * 1000) * 1000 + Math.floor(((value - first) * 1_000_000) / (last - first));
      rows.push([us, value]);
    }
    yield { kind: "rows", rows };
  }
}

/** `rowsPerBatch` rows in every batch, `advanceMillisPerBatch` (1000) of event time apart from `startTimestamp` (0): the same rows at every run. */
export const rateMicroBatchFormat: Format = {
  name: "rate-micro-batch",
  sourceSchema: () => SCHEMA,
  openSource: ({ options }) => {
    const perBatch = positive("rowsPerBatch", options.rowsPerBatch ?? "0");
    const partitions = positive("numPartitions", options.numPartitions ?? "1");
    const startMs = Number(options.startTimestamp ?? 0);
    const advanceMs = Number(options.advanceMillisPerBatch ?? 1000);
    let frozen = false;
    let first: number | undefined;
    return Promise.resolve({
      schema: SCHEMA,
      description: `RatePerMicroBatchStream[rowsPerBatch=${perBatch}, numPartitions=${partitions}, startTimestamp=${startMs}, advanceMsPerBatch=${advanceMs}]`,
      initial: () => Promise.resolve(0),
      latest: (from: Offset) => {
        first ??= number(from);
        return Promise.resolve(frozen && number(from) > first ? from : number(from) + 1);
      },
      read: (from: Offset, to: Offset) => microBatches(perBatch, startMs, advanceMs, number(from), number(to)),
      changed: () => Promise.resolve(),
      commit: () => Promise.resolve(),
      freeze: () => {
        frozen = true;
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    });
  },
};

async function* microBatches(perBatch: number, startMs: number, advanceMs: number, from: number, to: number): AsyncIterable<Block> {
  for (let batch = from; batch < to; batch++) {
    yield {
      kind: "rows",
      rows: Array.from({ length: perBatch }, (_, i): Row => [(startMs + batch * advanceMs) * 1000, batch * perBatch + i]),
    };
  }
}
