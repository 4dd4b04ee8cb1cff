import { describe, expect, test } from "vitest";
import type { DataType } from "../../types/data-type.ts";
import { arrayOf, double, int, mapOf, string, struct, timestamp } from "../../types/schema-builder.ts";
import { DriftLog, JsonDrift } from "./drift.ts";

const flat = struct({ sensor: string(), value: double(), n: int(), ts: timestamp() });
const nested = struct({ place: struct({ room: string() }), tags: arrayOf(struct({ name: string() })), more: mapOf(string(), int()) });

function reportOf(schema: DataType, ...records: (string | null)[]): ReturnType<DriftLog["report"]> {
  const log = new DriftLog();
  const drift = new JsonDrift(schema, {}, -1, log);
  for (const record of records) drift.text(record);
  return log.report();
}

const whole = '"sensor":"a","value":1.5,"n":1,"ts":"2026-01-01T00:00:00Z"';

describe("F26: how a record differs from its schema", () => {
  test.each([
    ["as the schema says", `{${whole}}`, []],
    ["a null is not missing", '{"sensor":null,"value":null,"n":null,"ts":null}', []],
    ["a new field", `{${whole},"unit":"C"}`, ["new unit"]],
    ["a new field named __proto__", `{${whole},"__proto__":{"x":1},"$where":"1"}`, ["new $where", "new __proto__"]],
    ["a missing field", '{"sensor":"a","value":1,"n":1}', ["missing ts"]],
    ["a renamed field", '{"sensorName":"a","value":1,"n":1,"ts":0}', ["missing sensor", "new sensorName"]],
    ["a string for a number", `{"sensor":"a","value":"high","n":1,"ts":0}`, ["type value DOUBLE string"]],
    ["not a number, which a double is", `{"sensor":"a","value":"NaN","n":1,"ts":0}`, []],
    ["a fraction for a whole number", `{"sensor":"a","value":1,"n":1.5,"ts":0}`, ["type n INT fraction"]],
    ["a number for a string", `{"sensor":7,"value":1,"n":1,"ts":0}`, ["type sensor STRING number"]],
    ["an object for a number", `{"sensor":"a","value":{"celsius":1},"n":1,"ts":0}`, ["type value DOUBLE object"]],
    ["a field that comes twice", `{${whole},"n":"x"}`, ["type n INT string"]],
  ])("%s", (_, record, expected) => {
    const { records, entries } = reportOf(flat, record);
    expect(records).toBe(1);
    expect(
      entries
        .map(({ kind, field, expected: type, found }) => [kind, field, type, found].filter((one) => one !== undefined).join(" "))
        .sort(),
    ).toEqual(expected);
  });

  test.each([["{"], ["[1]"], ["7"], [""], ['"text"'], ["{'a':1,}"], [null]])("%s is malformed, not drift", (record) => {
    expect(reportOf(flat, record)).toMatchObject({ records: 0, entries: [] });
  });

  test("fields within structs, arrays and maps are named by their path", () => {
    const { entries } = reportOf(
      nested,
      '{"place":{"floor":1},"tags":[{"name":"a"},{"nam":"b"}],"more":{"x":"y"}}',
      '{"place":"here","tags":{},"more":{}}',
    );
    expect(entries.map(({ kind, field }) => `${kind} ${field}`).sort()).toEqual([
      "missing place.room",
      "missing tags[].name",
      "new place.floor",
      "new tags[].nam",
      "type more{}",
      "type place",
      "type tags",
    ]);
  });

  test("counts are of the batch in the metrics and of the run in the report, whose text is for printing", () => {
    const log = new DriftLog();
    const drift = new JsonDrift(flat, {}, -1, log);
    log.begin();
    drift.text(`{${whole},"unit":"C"}`);
    log.begin();
    drift.text(`{${whole},"unit":"C"}`);
    drift.text('{"sensor":"a","value":"high","n":1,"ts":0}');
    expect(log.metrics()).toEqual({ "drift.records": "2", "drift.new.unit": "1", "drift.type.value: DOUBLE, found string": "1" });
    expect(log.report().text).toBe("Of 3 records:\n  unit is new: 2\n  value should be DOUBLE, but is a string: 1");
    expect(new DriftLog().report().text).toMatch(/driftReport/);
    expect(new DriftLog().metrics()).toEqual({});
  });

  test("names without end do not fill the memory: a hundred are kept apart, the rest is counted together", () => {
    const { entries } = reportOf(
      struct({}),
      ...Array.from({ length: 500 }, (_, i) => `{"${i}":1}`),
      `{"${"n".repeat(1000)}":1}`,
      '{"7":1}',
    );
    expect(entries.length).toBe(101);
    expect(entries[0]).toEqual({ kind: "new", field: "(others)", count: 401 });
    expect(entries[1]).toEqual({ kind: "new", field: "7", count: 2 });
  });
});
