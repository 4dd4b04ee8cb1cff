import { AnalysisError, unresolvedColumn } from "../columns/analysis-error.ts";
import type { Expression } from "../columns/expression.ts";

/** A column as SQL names it, and as the plan does (joins give a column another name where both sides have it). */
export type NamedColumn = { readonly name: string; readonly actual: string };

/** What stands behind a name in FROM. */
export type Relation = { readonly qualifier: string | undefined; readonly columns: readonly NamedColumn[] };

/** A relation whose columns are not known yet: every name is taken as it is written, and checked when the plan is. */
export const UNKNOWN_RELATION: Relation = { qualifier: undefined, columns: [] };

const same = (a: string | undefined, b: string | undefined): boolean => a?.toLowerCase() === b?.toLowerCase();

/** Gives `a`, `t.a` or `t.a.field` its meaning. */
export function columnNamed(parts: readonly string[], relations: readonly Relation[]): Expression {
  const [first = "", second] = parts;
  if (second !== undefined) {
    const found = relations
      .filter((one) => same(one.qualifier, first))
      .flatMap((one) => one.columns)
      .filter((one) => same(one.name, second));
    if (found[0]) return only(found, parts.slice(0, 2), parts.slice(2));
  }
  const found = relations.flatMap((one) => one.columns).filter((one) => same(one.name, first));
  if (found[0]) return only(found, [first], parts.slice(1));
  if (relations.includes(UNKNOWN_RELATION)) return { kind: "column", path: parts };
  throw unresolvedColumn(
    parts.join("."),
    relations.flatMap((one) => one.columns.map((column) => column.name)),
  );
}

function only(found: readonly NamedColumn[], name: readonly string[], fields: readonly string[]): Expression {
  const actual = [...new Set(found.map((one) => one.actual))];
  if (actual.length > 1) {
    throw new AnalysisError("AMBIGUOUS_REFERENCE", {
      failed: `Reference \`${name.join(".")}\` is ambiguous`,
      found: `${actual.length} columns have that name`,
      remedy: "Write the table's name before it.",
    });
  }
  return { kind: "column", path: [actual[0] ?? "", ...fields] };
}

/** The columns of `t.*`; undefined where no relation has that name. */
export function columnsOfRelation(qualifier: string, relations: readonly Relation[]): readonly NamedColumn[] | undefined {
  const found = relations.filter((one) => same(one.qualifier, qualifier));
  return found.length === 0 ? undefined : found.flatMap((one) => one.columns);
}

/** The relations, and beside them the aliases of SELECT's list, which ORDER BY and HAVING may use; a column of the same name goes before them. */
export function withAliases(
  relations: readonly Relation[],
  items: readonly { readonly name: string; readonly alias: boolean }[],
): readonly Relation[] {
  const known = new Set(relations.flatMap((one) => one.columns).map((one) => one.name.toLowerCase()));
  const columns = items.filter((one) => one.alias && !known.has(one.name.toLowerCase())).map(({ name }) => ({ name, actual: name }));
  return [...relations, { qualifier: undefined, columns }];
}
