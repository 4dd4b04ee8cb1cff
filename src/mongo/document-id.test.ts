import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DataType, StructType } from "../engine/types/data-type.ts";
import { idMaker } from "./document-id.ts";

const struct = (...fields: readonly (readonly [string, DataType])[]): StructType => ({
  type: "struct",
  fields: fields.map(([name, dataType]) => ({ name, dataType, nullable: true })),
});
const string: DataType = { type: "string" };
const timestamp: DataType = { type: "timestamp" };

describe("deterministic ids", () => {
  test("window, type and location read as text", () => {
    const schema = struct(["window", struct(["start", timestamp], ["end", timestamp])], ["sensor_type", string], ["location", string]);
    const make = idMaker(schema, ["window.start", "sensor_type", "location"], "|");
    const start = Date.UTC(2026, 0, 1) * 1000;
    expect(make([[start, start + 60_000_000], "temperature", "office"])).toBe("2026-01-01T00:00:00.000Z|temperature|office");
    expect(make([[start + 1, 0], "temperature", null])).toBe("2026-01-01T00:00:00.000001Z|temperature|\\0");
  });

  test("topic, partition and offset join with another separator", () => {
    const schema = struct(["topic", string], ["partition", { type: "int" }], ["offset", { type: "bigint" }]);
    const make = idMaker(schema, ["topic", "partition", "offset"], "-");
    expect(make(["sensor-data", 0, 123])).toBe("sensor-data-0-123");
    expect(make(["t", 2, 9007199254740993n])).toBe("t-2-9007199254740993");
  });

  test("a single field keeps its own value", () => {
    expect(idMaker(struct(["at", timestamp]), ["at"], "|")([1_500])).toEqual(new Date(1));
    expect(idMaker(struct(["name", string]), ["name"], "|")(["a|b\\"])).toBe("a|b\\");
  });

  test("different values never make the same id", () => {
    const schema = struct(["a", string], ["b", string], ["c", string]);
    const make = idMaker(schema, ["a", "b", "c"], "|");
    const text = fc.option(fc.string({ unit: fc.constantFrom("|", "\\", "0", "a"), maxLength: 4 }), { nil: null });
    const row = fc.tuple(text, text, text);
    fc.assert(
      fc.property(row, row, (left, right) => (make(left) === make(right)) === (JSON.stringify(left) === JSON.stringify(right))),
      { numRuns: 20_000 },
    );
  });

  test("a column that is not there is named, with those that are", () => {
    expect(() => idMaker(struct(["a", string]), ["b"], "|")).toThrow(/no column "b".*The rows have a/s);
  });
});
