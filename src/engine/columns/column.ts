import { parseDataType } from "../types/ddl.ts";
import type { DataType } from "../types/data-type.ts";
import type { DateValue, Decimal, Interval, Long, Timestamp } from "../types/schema-builder.ts";
import { columnName } from "./expression-text.ts";
import type { CallOptions, Expression, NamedExpression } from "./expression.ts";
import { literalExpression } from "./literal.ts";

/** The type of a column's values by the name of its type, for `cast`. */
export interface NamedTypes {
  boolean: boolean;
  tinyint: number;
  smallint: number;
  int: number;
  integer: number;
  bigint: Long;
  long: Long;
  float: number;
  double: number;
  decimal: Decimal;
  string: string;
  binary: Uint8Array;
  date: DateValue;
  timestamp: Timestamp;
}

/** A column of whatever type. */
export interface AnyColumn {
  readonly expression: Expression;
  readonly alias: string | undefined;
  readonly __value: unknown;
}

declare const untyped: unique symbol;

/** The value type of a column that is known by name only (`col("value")`): it goes wherever a column goes, and is checked when the plan is. */
export type Untyped = { readonly [untyped]: true };

/** What can stand where a condition is expected. */
export type Condition = Column<boolean> | Column<Untyped>;

/** What can stand where a column of T is expected: such a column, a column by name, or a plain value. */
export type Operand<T> = Column<T> | Column<Untyped> | Column<null> | Plain<T> | null;

/** The plain values that a column of T is compared with and computed with. */
export type Plain<T> = [T] extends [Untyped]
  ? string | number | bigint | boolean | Date | AnyColumn
  : [unknown] extends [T]
    ? string | number | bigint | boolean | Date
    : T extends Timestamp | DateValue
      ? string | Date
      : T extends Long
        ? number | bigint
        : T extends Decimal
          ? number | string
          : T extends Interval
            ? string
            : T extends number
              ? number
              : T extends string
                ? string
                : T extends boolean
                  ? boolean
                  : never;

/** The column of a value of type T: with its fields, if T is a struct. */
export type ColumnOf<T> = unknown extends T
  ? Column<T>
  : [T] extends [Untyped]
    ? Column<Untyped>
    : T extends Atom
      ? Column<T>
      : T extends Readonly<Record<string, unknown>>
        ? StructColumn<T>
        : Column<T>;

/** The columns of a row type: what `select((r) => …)` hands over. A name that is not in the row type does not compile. */
export type ColumnsOf<Row> = { readonly [K in keyof Row]-?: ColumnOf<Exclude<Row[K], null | undefined>> };

/** A struct's column; its fields are properties, except those that have the name of a method (`getField` reaches them). */
export type StructColumn<T> = Column<T> & {
  readonly [K in Exclude<keyof T, keyof Column<unknown>>]: ColumnOf<Exclude<T[K], null | undefined>>;
};

/** The TypeScript type of a column's values. */
export type ValueOfColumn<C> = C extends { readonly __value: infer T } ? T : never;

/** The row type that a record of columns makes: what `select` of it gives. */
export type RowOfColumns<C> = { [K in keyof C]: ValueOfColumn<C[K]> };

type Atom = string | number | bigint | boolean | Uint8Array | readonly unknown[] | ReadonlyMap<unknown, unknown>;
/**
 * A column: an expression and the TypeScript type of its values. Building one computes nothing. The methods are Spark's, on the same names;
 * nulls are part of every type.
 */
export class Column<T> {
  /** Exists for the compiler only: the type of the values. */
  declare readonly __value: T;
  readonly expression: Expression;
  /** The name given by `as`. */
  readonly alias: string | undefined;

  constructor(expression: Expression, alias?: string) {
    this.expression = expression;
    this.alias = alias;
  }

  /** Gives the column a name. */
  as(name: string): Column<T> {
    return columnOf<T>(this.expression, name) as Column<T>;
  }

  plus(other: Operand<T> | Column<Interval>): Column<T> {
    return call("+", [this, other]);
  }
  minus(other: Operand<T> | Column<Interval>): Column<T> {
    return call("-", [this, other]);
  }
  multiply(other: Operand<T> | Column<number>): Column<T> {
    return call("*", [this, other]);
  }
  /** The quotient, a fraction also of whole numbers. */
  divide(other: Operand<T> | Column<number>): Column<T extends Decimal ? Decimal : number> {
    return call("/", [this, other]);
  }
  mod(other: Operand<T>): Column<T> {
    return call("%", [this, other]);
  }
  negate(): Column<T> {
    return call("negative", [this]);
  }

  /** The bits that both have. */
  bitwiseAND(other: Operand<T>): Column<T> {
    return call("&", [this, other]);
  }
  /** The bits that one of them has. */
  bitwiseOR(other: Operand<T>): Column<T> {
    return call("|", [this, other]);
  }
  /** The bits that exactly one of them has. */
  bitwiseXOR(other: Operand<T>): Column<T> {
    return call("^", [this, other]);
  }

  /** Whether both are equal; null if one is null. */
  eq(other: Operand<T>): Column<boolean> {
    return call("=", [this, other]);
  }
  neq(other: Operand<T>): Column<boolean> {
    return call("<>", [this, other]);
  }
  /** Whether both are equal, two nulls being equal. */
  eqNullSafe(other: Operand<T>): Column<boolean> {
    return call("<=>", [this, other]);
  }
  gt(other: Operand<T>): Column<boolean> {
    return call(">", [this, other]);
  }
  geq(other: Operand<T>): Column<boolean> {
    return call(">=", [this, other]);
  }
  lt(other: Operand<T>): Column<boolean> {
    return call("<", [this, other]);
  }
  leq(other: Operand<T>): Column<boolean> {
    return call("<=", [this, other]);
  }
  between(low: Operand<T>, high: Operand<T>): Column<boolean> {
    return call("between", [this, low, high]);
  }
  isin(...values: readonly Operand<T>[]): Column<boolean> {
    return call("in", [this, ...values]);
  }

  and(other: Operand<boolean>): Column<boolean> {
    return call("and", [this, other]);
  }
  or(other: Operand<boolean>): Column<boolean> {
    return call("or", [this, other]);
  }
  not(): Column<boolean> {
    return call("not", [this]);
  }
  isNull(): Column<boolean> {
    return call("isnull", [this]);
  }
  isNotNull(): Column<boolean> {
    return call("isnotnull", [this]);
  }
  isNaN(): Column<boolean> {
    return call("isnan", [this]);
  }

  like(pattern: string): Column<boolean> {
    return call("like", [this, pattern]);
  }
  ilike(pattern: string): Column<boolean> {
    return call("ilike", [this, pattern]);
  }
  rlike(pattern: string): Column<boolean> {
    return call("rlike", [this, pattern]);
  }
  startsWith(prefix: Operand<string>): Column<boolean> {
    return call("startswith", [this, prefix]);
  }
  endsWith(suffix: Operand<string>): Column<boolean> {
    return call("endswith", [this, suffix]);
  }
  contains(part: Operand<string>): Column<boolean> {
    return call("contains", [this, part]);
  }
  /** `length` characters from `start`, which counts from 1, from the end when negative. */
  substr(start: number, length: number): Column<string> {
    return call("substring", [this, start, length]);
  }

  /** The value as another type, by a name of Spark's DDL ("string", "timestamp", "decimal(10,2)") or a type. A value that cannot be converted stops the query. */
  cast<N extends keyof NamedTypes>(to: N): Column<NamedTypes[N]>;
  cast(to: string | DataType): Column<Untyped>;
  cast(to: string | DataType): Column<Untyped> {
    return columnOf<Untyped>({ kind: "cast", input: this.expression, to: typeof to === "string" ? parseDataType(to) : to, mode: "cast" });
  }
  /** The same, null where a value cannot be converted. */
  tryCast<N extends keyof NamedTypes>(to: N): Column<NamedTypes[N]>;
  tryCast(to: string | DataType): Column<Untyped>;
  tryCast(to: string | DataType): Column<Untyped> {
    return columnOf<Untyped>({ kind: "cast", input: this.expression, to: typeof to === "string" ? parseDataType(to) : to, mode: "try" });
  }

  /** A field of a struct. */
  getField<K extends ([T] extends [Untyped] ? string : keyof T & string)>(name: K): K extends keyof T ? ColumnOf<T[K]> : Column<Untyped> {
    return columnOf(fieldExpression(this.expression, name)) as never;
  }
  /** An element of an array by its position from 0, or the value under a key of a map. */
  getItem(key: string | number): Column<T extends readonly (infer E)[] ? E : T extends ReadonlyMap<unknown, infer V> ? V : unknown> {
    return call("getitem", [this, key]);
  }

  /** Another branch of a column that `when` began. */
  when<V>(condition: Condition, value: Column<V> | V): Column<T | V> {
    const known = this.expression;
    if (known.kind !== "case" || known.otherwise)
      throw new TypeError("when() can only be applied on a Column previously generated by when() function");
    return columnOf({ kind: "case", branches: [...known.branches, [condition.expression, toExpression(value)]] }) as Column<T | V>;
  }
  /** What a column that `when` began gives where no condition is true; null without it. */
  otherwise<V>(value: Column<V> | V): Column<T | V> {
    const known = this.expression;
    if (known.kind !== "case" || known.otherwise)
      throw new TypeError("otherwise() can only be applied once, on a Column previously generated by when()");
    return columnOf({ ...known, otherwise: toExpression(value) }) as Column<T | V>;
  }

  /** The key of a descending order, nulls last as in Spark. */
  desc(): SortColumn {
    return { expression: this.expression, descending: true, nullsFirst: false };
  }
  /** The key of an ascending order, nulls first as in Spark. */
  asc(): SortColumn {
    return { expression: this.expression, descending: false, nullsFirst: true };
  }
}

/** A column to sort by. */
export type SortColumn = { readonly expression: Expression; readonly descending: boolean; readonly nullsFirst: boolean };

function fieldExpression(input: Expression, name: string): Expression {
  if (input.kind === "column") return { kind: "column", path: [...input.path, name] };
  return { kind: "call", fn: "field", args: [input, { kind: "literal", value: name, dataType: { type: "string" } }] };
}

/** An expression as a column whose struct fields can be reached as properties. */
export function columnOf<T>(expression: Expression, alias?: string): ColumnOf<T> {
  const column = new Column<T>(expression, alias);
  return new Proxy(column, {
    get(target, property, receiver) {
      if (typeof property !== "string" || property in target || property === "then" || property === "toJSON") {
        return Reflect.get(target, property, receiver) as unknown;
      }
      return columnOf(fieldExpression(expression, property));
    },
  }) as unknown as ColumnOf<T>;
}

/** A column, or a plain value as a literal. */
export function toExpression(value: unknown): Expression {
  return value instanceof Column ? value.expression : literalExpression(value);
}

/** A call of a Spark SQL function over columns and plain values. */
export function call<T>(fn: string, args: readonly unknown[], options?: CallOptions): Column<T> {
  return columnOf<T>({ kind: "call", fn, args: args.map(toExpression), ...(options && { options }) }) as Column<T>;
}

/** A column by its name or path ("window.start"); its type is checked when the plan is. */
export function col(name: string): Column<Untyped> {
  return columnOf({ kind: "column", path: parsePath(name) });
}

/** "a.b.`odd.name`" as its parts. */
export function parsePath(name: string): string[] {
  const parts = name.match(/`(?:[^`]|``)*`|[^.]+/g) ?? [name];
  return parts.map((part) =>
    part.startsWith("`") && part.endsWith("`") && part.length > 1 ? part.slice(1, -1).replaceAll("``", "`") : part,
  );
}

/** The columns of a row, for the functions that users hand over: one property per name. */
export function columnsOf<Row>(names: readonly string[]): ColumnsOf<Row> {
  const columns: Record<string, unknown> = {};
  for (const name of names) columns[name] = columnOf({ kind: "column", path: [name] });
  return columns as ColumnsOf<Row>;
}

/** A record of columns as named expressions, in the record's order. */
export function namedExpressions(columns: Readonly<Record<string, AnyColumn>>): NamedExpression[] {
  return Object.entries(columns).map(([name, column]) => ({ name, expr: column.expression }));
}

/** A column and the name that it makes: its alias, or Spark's name for the expression. */
export function namedExpression(column: AnyColumn): NamedExpression {
  return { name: column.alias ?? columnName(column.expression), expr: column.expression };
}
