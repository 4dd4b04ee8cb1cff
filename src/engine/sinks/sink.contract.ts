import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Row, StructType } from "../types/data-type.ts";
import type { Sink } from "./sink.ts";

/** What a sink is tested with: it takes rows of `n int`. */
export interface SinkFixture {
  /** Opens the sink as a query does; what was written stays. */
  open(): Promise<Sink>;
  /** What a reader sees. */
  numbers(): Promise<number[]>;
  close(): Promise<void>;
}

const schema: StructType = { type: "struct", fields: [{ name: "n", dataType: { type: "int" }, nullable: true }] };

/** What every sink must do that promises a result as if each batch were written once. */
export function sinkContract(name: string, prepare: () => Promise<SinkFixture>): void {
  describe(`${name} as a sink`, () => {
    let fixture: SinkFixture;
    let sink: Sink;
    beforeEach(async () => {
      fixture = await prepare();
      sink = await fixture.open();
    });
    afterEach(async () => {
      await sink.close();
      await fixture.close();
    });
    const write = (batchId: number, ...numbers: readonly number[]): Promise<void> => {
      const rows = numbers.map((n): Row => [n]);
      return sink.write({ batchId, schema, rows, outputMode: "append" }, new AbortController().signal);
    };

    test("batches add up, in their order", async () => {
      await write(0, 1, 2);
      await write(1);
      await write(2, 3);
      expect(await fixture.numbers()).toEqual([1, 2, 3]);
    });

    test("the same batch twice equals once, also after the sink was opened again", async () => {
      await write(0, 1);
      await write(1, 2, 3);
      await write(1, 2, 3);
      await sink.close();
      sink = await fixture.open();
      await write(1, 2, 3);
      await write(2, 4);
      expect(await fixture.numbers()).toEqual([1, 2, 3, 4]);
    });
  });
}
