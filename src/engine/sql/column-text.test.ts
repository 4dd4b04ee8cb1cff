import { describe, expect, test } from "vitest";
import { AnalysisError } from "../columns/analysis-error.ts";
import { expr } from "../functions/api/literals.ts";
import { columnText } from "./column-text.ts";

describe("a column by an expression in SQL", () => {
  test("takes names as they are written and the name after AS", () => {
    const { expression, alias } = columnText("t.value * 2 AS twice");
    expect(alias).toBe("twice");
    expect(expression).toMatchObject({
      kind: "call",
      fn: "*",
      args: [
        { kind: "column", path: ["t", "value"] },
        { kind: "literal", value: 2 },
      ],
    });
    expect(expr("a + 1").alias).toBeUndefined();
    expect(expr("*").expression).toEqual({ kind: "column", path: ["*"] });
  });

  test.each(["", "a, b", "a FROM t", "a WHERE b", "a ORDER BY a", "a LIMIT 3", "a GROUP BY a", "1; SELECT 2"])(
    "refuses %j, which is not one column",
    (text) => {
      let thrown: unknown;
      try {
        expr(text);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(AnalysisError);
      expect((thrown as AnalysisError).code).toBe("PARSE_SYNTAX_ERROR");
    },
  );
});
