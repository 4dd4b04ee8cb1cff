import { describe, expect, test } from "vitest";
import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { offsetsPartition } from "./offsets-partition.ts";
import {
  completed,
  decideEnd,
  fenced,
  initialize,
  newTransaction,
  prepared,
  rotate,
  withPartitions,
  type Transaction,
  type TransactionState,
} from "./transaction.ts";

const NOW = 1000;
const known = (changes: Partial<Transaction> = {}): Transaction => ({
  ...newTransaction("t", 5, 60_000, 0),
  producerEpoch: 3,
  ...changes,
});

describe("InitProducerId", () => {
  test("a new id begins with epoch 0, whoever asks", () => {
    for (const expected of [undefined, { producerId: 9, producerEpoch: 7 }]) {
      expect(initialize(newTransaction("t", 5, 60_000, 0), expected, 60_000, NOW)).toMatchObject({
        kind: "next",
        next: { producerId: 5, producerEpoch: 0, lastEpoch: -1 },
      });
    }
  });

  test("waits while the last transaction is being ended, and fences an open one", () => {
    const states: [TransactionState, string][] = [
      ["PrepareCommit", "error"],
      ["PrepareAbort", "error"],
      ["Ongoing", "fence"],
      ["CompleteCommit", "next"],
      ["CompleteAbort", "next"],
      ["Empty", "next"],
    ];
    for (const [state, kind] of states) expect(initialize(known({ state }), undefined, 60_000, NOW).kind).toBe(kind);
  });

  test("whose epochs are used up gets another producer id before the last epoch, and the same one when it asks again", () => {
    const worn = known({ producerEpoch: 32766 });
    const expected = { producerId: 5, producerEpoch: 32766 };
    expect(initialize(worn, undefined, 60_000, NOW).kind).toBe("new id");
    expect(initialize(worn, expected, 60_000, NOW).kind).toBe("new id");
    const next = rotate(worn, 6, expected, 60_000, NOW);
    expect(next).toMatchObject({ producerId: 6, producerEpoch: 0, previousProducerId: 5, lastEpoch: 32766 });
    expect(initialize(next, expected, 60_000, NOW)).toMatchObject({ kind: "next", next: { producerId: 6, producerEpoch: 0 } });
    expect(initialize(next, { producerId: 5, producerEpoch: 12 }, 60_000, NOW)).toEqual({
      kind: "error",
      errorCode: errorCodes.PRODUCER_FENCED,
    });
    expect(fenced(known({ state: "Ongoing", producerEpoch: 32766 }), NOW).producerEpoch).toBe(32767);
  });
});

test("a transaction begins with its first partitions and knows each once", () => {
  const first = withPartitions(known(), [{ topic: "a", partition: 0 }], NOW);
  expect(first).toMatchObject({ state: "Ongoing", startMs: NOW });
  const again = [
    { topic: "a", partition: 0 },
    { topic: "a", partition: 1 },
  ];
  const second = withPartitions(first, again, NOW + 5);
  expect(second).toMatchObject({ startMs: NOW, partitions: again });
  expect(withPartitions(second, again, NOW + 9)).toBe(second);
  const next = withPartitions(completed(prepared(second, true, NOW), NOW), [{ topic: "b", partition: 2 }], NOW + 20);
  expect(next).toMatchObject({ state: "Ongoing", startMs: NOW + 20, partitions: [{ topic: "b", partition: 2 }] });
});

test("EndTxn is decided once: the same again is fine, the opposite is not", () => {
  const { NONE, CONCURRENT_TRANSACTIONS, INVALID_TXN_STATE } = errorCodes;
  const cases: [TransactionState, number | "prepare", number | "prepare"][] = [
    ["Empty", INVALID_TXN_STATE, INVALID_TXN_STATE],
    ["Ongoing", "prepare", "prepare"],
    ["PrepareCommit", CONCURRENT_TRANSACTIONS, INVALID_TXN_STATE],
    ["PrepareAbort", INVALID_TXN_STATE, CONCURRENT_TRANSACTIONS],
    ["CompleteCommit", NONE, INVALID_TXN_STATE],
    ["CompleteAbort", INVALID_TXN_STATE, NONE],
  ];
  const shown = (state: TransactionState, committed: boolean): unknown => {
    const decision = decideEnd(known({ state }), committed);
    return decision === "prepare" ? decision : decision.errorCode;
  };
  for (const [state, onCommit, onAbort] of cases) expect([shown(state, true), shown(state, false)]).toEqual([onCommit, onAbort]);
});

test("a group's offsets belong to the partition that Kafka gives it", () => {
  expect(offsetsPartition("g1").partition).toBe(42);
  expect(offsetsPartition("").partition).toBe(0);
});
