import { expect, test } from "vitest";
import { createSession } from "../api/session.ts";

const session = createSession();

async function answer(sql: string): Promise<unknown> {
  const [row] = await session.sql(`SELECT ${sql} AS r FROM (SELECT 1 AS one)`).collect();
  return (row as unknown as { r: unknown }).r;
}

test.for<[sql: string, value: unknown]>([
  ["array_insert(array(1, 2), 1, 9)", [9, 1, 2]],
  ["array_insert(array(1, 2), 3, 9)", [1, 2, 9]],
  ["array_insert(array(1, 2), 5, 9)", [1, 2, null, null, 9]],
  ["array_insert(array(1, 2), -1, 9)", [1, 2, 9]],
  ["array_insert(array(1, 2), -3, 9)", [9, 1, 2]],
  ["array_insert(array(1, 2), -5, 9)", [9, null, null, 1, 2]],
  ["array_insert(array(1, 2), 1, NULL)", [null, 1, 2]],
  ["array_insert(array(1, 2), CAST(NULL AS INT), 9)", null],
  ["array_append(array(1), NULL)", [1, null]],
  ["array_prepend(array('a'), NULL)", [null, "a"]],
  ["array_remove(array(1.5, 2.5), 2.5)", ["1.5"]],
  ["array_union(array(1, 2, NULL), array(2, NULL, 3))", [1, 2, null, 3]],
  ["array_except(array(1, 2, 1, NULL), array(2))", [1, null]],
  ["array_intersect(array(1, 2, 1), array(1, 3))", [1]],
  ["arrays_overlap(array(1, NULL), array(2))", null],
  ["arrays_overlap(array(1, NULL), array(1))", true],
  ["array_repeat('x', -1)", []],
  ["sequence(5, 1, -2)", [5, 3, 1]],
  ["map_entries(map('a', 1))", [{ key: "a", value: 1 }]],
  ["map_from_entries(array(struct('a', 1), struct('b', NULL)))", { a: 1, b: null }],
  ["map_concat(map('a', 1), map('b', 2))", { a: 1, b: 2 }],
  ["map_from_arrays(array('a', 'b'), array(1, 2))", { a: 1, b: 2 }],
  ["str_to_map('a=1;b', ';', '=')", { a: "1", b: null }],
  ["element_at(map('a', 1), NULL)", null],
  ["struct(1, 'a') = named_struct('x', 1, 'y', 'a')", true],
  ["TRY_CAST(array('1', 'x') AS ARRAY<INT>)", [1, null]],
])("%s", async ([sql, value]) => {
  expect(await answer(sql)).toEqual(value);
});

test.for([
  ["array_insert(array(1), 0, 9)", "INVALID_INDEX_OF_ZERO"],
  ["array_insert(array(1), '1', 9)", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE"],
  ["array_append(array(1), 'x')", "DATATYPE_MISMATCH.ARRAY_FUNCTION_DIFF_TYPES"],
  ["array_union(array(1), array('x'))", "DATATYPE_MISMATCH.BINARY_ARRAY_DIFF_TYPES"],
  ["array_repeat('x', '2')", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE"],
  ["flatten(array(1))", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE"],
  ["sequence(1.5, 3)", "DATATYPE_MISMATCH.SEQUENCE_WRONG_INPUT_TYPES"],
  ["map_contains_key(map('a', 1), 1)", "DATATYPE_MISMATCH.MAP_FUNCTION_DIFF_TYPES"],
  ["map_contains_key(map('a', 1), NULL)", "DATATYPE_MISMATCH.NULL_TYPE"],
  ["map_from_arrays(array('a', 'a'), array(1, 2))", "DUPLICATED_MAP_KEY"],
  ["map_from_entries(array(struct(CAST(NULL AS STRING), 1)))", "NULL_MAP_KEY"],
] as const)("%s is refused: %s", async ([sql, code]) => {
  await expect(answer(sql)).rejects.toMatchObject({ code });
});
