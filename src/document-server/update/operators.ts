import { Decimal128, Double, Int32, Long, Timestamp, type Document } from "bson";
import { add, multiply, numericKind, type Numeric } from "../bson/arithmetic.ts";
import { shown } from "../bson/shown.ts";
import {
  closed,
  leafOf,
  nodeKey,
  nodeType,
  NULL_LEAF,
  open,
  plainValue,
  sameNode,
  typedValue,
  type ArrayNode,
  type Node,
} from "../bson/tree.ts";
import { CommandFailure } from "../failure.ts";
import { compileFilter, type MatchOptions } from "../query/matcher.ts";

/** What an operator does at one place: the value that is to stand there, REMOVE, or undefined for no change. `existing` is undefined where nothing stands. */
export type Apply = (existing: Node | undefined, place: Place) => Node | typeof REMOVE | undefined;
export const REMOVE: unique symbol = Symbol("remove");

/** Where an operator is at work, for its messages. */
export type Place = { readonly path: string; readonly name: string; readonly id: unknown };

/** How an operator walks: `creates` makes what is missing on its path. */
export type Operator = { readonly creates: boolean; readonly apply: Apply };

/** What operators need beyond their argument. */
export type OperatorScope = { readonly nowMs: number; readonly match: MatchOptions };

function numericOf(node: Node): Numeric | undefined {
  if (node.kind !== "leaf") return undefined;
  const value = typedValue(node);
  return numericKind(value) === undefined ? undefined : (value as Numeric);
}

function arithmetic(name: "$inc" | "$mul", field: string, argument: Node): Operator {
  const amount = numericOf(argument);
  if (amount === undefined)
    throw new CommandFailure(
      "TypeMismatch",
      `Cannot ${name === "$inc" ? "increment" : "multiply"} with non-numeric argument: {${field}: ${shown(plainValue(argument))}}`,
    );
  return {
    creates: true,
    apply: (existing, place) => {
      if (existing === undefined) return name === "$inc" ? argument : leafOf(zeroLike(amount));
      const value = numericOf(existing);
      if (value === undefined)
        throw new CommandFailure(
          "TypeMismatch",
          `Cannot apply ${name} to a value of non-numeric type. {_id: ${shown(place.id)}} has the field '${place.name}' of non-numeric type ${nodeType(existing)}`,
        );
      const result = name === "$inc" ? add(value, amount) : multiply(value, amount);
      if (result === undefined)
        throw new CommandFailure(
          "BadValue",
          `Failed to apply ${name} operations to current value (${shown(plainValue(existing))}) for document {_id: ${shown(place.id)}}`,
        );
      return leafOf(result);
    },
  };
}

function zeroLike(amount: Numeric): Numeric {
  switch (numericKind(amount)) {
    case "decimal":
      return Decimal128.fromString("0");
    case "long":
      return Long.ZERO;
    case "double":
      return new Double(0);
    default:
      return new Int32(0);
  }
}

function extreme(argument: Node, keeps: (order: number) => boolean): Operator {
  const wanted = nodeKey(argument);
  return {
    creates: true,
    apply: (existing) => (existing === undefined || keeps(Buffer.compare(wanted, nodeKey(existing))) ? argument : undefined),
  };
}

function arrayOf(existing: Node, otherwise: () => CommandFailure): ArrayNode {
  const node = open(existing);
  if (node.kind !== "array") throw otherwise();
  return node;
}

function fieldsOf(argument: Node): Map<string, Node> | undefined {
  const node = open(argument);
  return node.kind === "object" ? node.fields : undefined;
}

function listOf(node: Node, what: string): Node[] {
  const list = open(node);
  if (list.kind !== "array")
    throw new CommandFailure("BadValue", `The argument to $each in ${what} must be an array but it was of type: ${nodeType(node)}`);
  return list.items;
}

function wholeNumber(node: Node, what: string): number {
  const value = plainValue(node);
  const number = value instanceof Long ? value.toNumber() : value;
  if (typeof number !== "number" || !Number.isInteger(number))
    throw new CommandFailure("BadValue", `The value for ${what} must be an integer value but was given type: ${nodeType(node)}`);
  return number;
}

const PUSH_CLAUSES = new Set(["$each", "$slice", "$sort", "$position"]);

function push(argument: Node): Operator {
  const fields = fieldsOf(argument);
  const isClauses = fields?.has("$each") === true;
  const unknown = isClauses ? [...(fields?.keys() ?? [])].find((name) => !PUSH_CLAUSES.has(name)) : undefined;
  if (unknown) throw new CommandFailure("BadValue", `Unrecognized clause in $push: ${unknown}`);
  const clause = (name: string): Node | undefined => (isClauses ? fields?.get(name) : undefined);
  const added = clause("$each") ? listOf(clause("$each") as Node, "$push") : [argument];
  const position = clause("$position") && wholeNumber(clause("$position") as Node, "$position");
  const slice = clause("$slice") && wholeNumber(clause("$slice") as Node, "$slice");
  const order = clause("$sort") && arrayOrder(clause("$sort") as Node);
  return {
    creates: true,
    apply: (existing, place) => {
      const array = existing
        ? arrayOf(
            existing,
            () =>
              new CommandFailure(
                "BadValue",
                `The field '${place.path}' must be an array but is of type ${nodeType(existing)} in document {_id: ${shown(place.id)}}`,
              ),
          )
        : { items: [] };
      let items = [...array.items];
      const at = position === undefined ? items.length : position < 0 ? Math.max(0, items.length + position) : position;
      items.splice(at, 0, ...added);
      if (order) items.sort(order);
      if (slice !== undefined) items = slice >= 0 ? items.slice(0, slice) : items.slice(Math.max(0, items.length + slice));
      const result: ArrayNode = { kind: "array", items };
      return existing && sameNode(existing, result) ? undefined : result;
    },
  };
}

/** $sort of $push: 1 or −1 for whole elements, or a document of fields. */
function arrayOrder(argument: Node): (left: Node, right: Node) => number {
  const fields = fieldsOf(argument);
  const direction = (node: Node): number => {
    const value = plainValue(node);
    if (value !== 1 && value !== -1)
      throw new CommandFailure(
        "BadValue",
        fields
          ? "The $sort element value must be either 1 or -1"
          : "The $sort is invalid: use 1/-1 to sort the whole element, or {field:1/-1} to sort embedded fields",
      );
    return value;
  };
  if (!fields) {
    const sense = direction(argument);
    return (a, b) => sense * Buffer.compare(nodeKey(a), nodeKey(b));
  }
  if (fields.size === 0) throw new CommandFailure("BadValue", "The $sort pattern is empty when it should be a set of fields.");
  const keys = [...fields].map(([path, node]) => ({ parts: path.split("."), sense: direction(node) }));
  return (a, b) => {
    for (const { parts, sense } of keys) {
      const order = Buffer.compare(nodeKey(valueAt(a, parts)), nodeKey(valueAt(b, parts)));
      if (order !== 0) return sense * order;
    }
    return 0;
  };
}

function valueAt(node: Node, parts: readonly string[]): Node {
  let at: Node | undefined = node;
  for (const part of parts) {
    const inner: Node | undefined = at && open(at);
    at = inner?.kind === "object" ? inner.fields.get(part) : inner?.kind === "array" ? inner.items[Number(part)] : undefined;
  }
  return at ?? NULL_LEAF;
}

function addToSet(argument: Node): Operator {
  const fields = fieldsOf(argument);
  const isEach = fields !== undefined && [...fields.keys()][0] === "$each";
  if (isEach && fields.size > 1)
    throw new CommandFailure("BadValue", `Found unexpected fields after $each in $addToSet: ${shown(plainValue(argument))}`);
  const added = isEach ? listOf(fields.get("$each") as Node, "$addToSet") : [argument];
  return {
    creates: true,
    apply: (existing, place) => {
      const items = existing
        ? arrayOf(
            existing,
            () =>
              new CommandFailure(
                "BadValue",
                `Cannot apply $addToSet to non-array field. Field named '${place.name}' has non-array type ${nodeType(existing)}`,
              ),
          ).items
        : [];
      const seen = new Set(items.map((item) => nodeKey(item).toString("latin1")));
      const fresh = added.filter((item) => {
        const key = nodeKey(item).toString("latin1");
        return !seen.has(key) && seen.add(key);
      });
      return existing && fresh.length === 0 ? undefined : { kind: "array", items: [...items, ...fresh] };
    },
  };
}

function pull(argument: Node, scope: OperatorScope): Operator {
  const fields = fieldsOf(argument);
  let isPulled: (item: Node) => boolean;
  const condition = plainValue(argument);
  const isPredicate = fields !== undefined && [...fields.keys()][0]?.startsWith("$") === true;
  if (isPredicate || condition instanceof RegExp) {
    const matcher = compileFilter({ v: condition }, scope.match);
    isPulled = (item) => matcher?.matchesDecoded({ v: plainValue(item) }) ?? true;
  } else if (fields) {
    const matcher = compileFilter(condition as Document, scope.match);
    isPulled = (item) => nodeType(item) === "object" && (matcher?.matchesDecoded(plainValue(item) as Document) ?? true);
  } else {
    const wanted = nodeKey(argument);
    isPulled = (item) => nodeKey(item).equals(wanted);
  }
  return withoutItems(isPulled, "$pull");
}

function withoutItems(isPulled: (item: Node) => boolean, name: string): Operator {
  return {
    creates: false,
    apply: (existing) => {
      if (existing === undefined) return undefined;
      const { items } = arrayOf(existing, () => new CommandFailure("BadValue", `Cannot apply ${name} to a non-array value`));
      const kept = items.filter((item) => !isPulled(item));
      return kept.length === items.length ? undefined : { kind: "array", items: kept };
    },
  };
}

function pullAll(argument: Node): Operator {
  const list = open(argument);
  if (list.kind !== "array")
    throw new CommandFailure("BadValue", `$pullAll requires an array argument but was given a ${nodeType(argument)}`);
  const keys = new Set(list.items.map((item) => nodeKey(item).toString("latin1")));
  return withoutItems((item) => keys.has(nodeKey(item).toString("latin1")), "$pullAll");
}

function pop(argument: Node): Operator {
  const side = plainValue(argument);
  if (side !== 1 && side !== -1) throw new CommandFailure("FailedToParse", `$pop expects 1 or -1, found: ${shown(side)}`);
  return {
    creates: false,
    apply: (existing, place) => {
      if (existing === undefined) return undefined;
      const { items } = arrayOf(
        existing,
        () => new CommandFailure("TypeMismatch", `Path '${place.path}' contains an element of non-array type '${nodeType(existing)}'`),
      );
      return items.length === 0 ? undefined : { kind: "array", items: side === 1 ? items.slice(0, -1) : items.slice(1) };
    },
  };
}

const BITWISE: Readonly<Record<string, (a: bigint, b: bigint) => bigint>> = {
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
};

function bit(field: string, argument: Node): Operator {
  const fields = fieldsOf(argument);
  if (!fields || fields.size === 0)
    throw new CommandFailure(
      "BadValue",
      `The $bit modifier is not compatible with a ${nodeType(argument)}. You must pass in an embedded document: {$bit: {field: {and/or/xor: #}}`,
    );
  const steps = [...fields].map(([name, node]) => {
    const run = Object.hasOwn(BITWISE, name) ? BITWISE[name] : undefined;
    if (!run)
      throw new CommandFailure(
        "BadValue",
        `The $bit modifier only supports 'and', 'or', and 'xor', not '${name}' which is an unknown operator: {${name}: ${shown(plainValue(node))}}`,
      );
    const value = numericOf(node);
    const kind = numericKind(value);
    if (value === undefined || (kind !== "int" && kind !== "long"))
      throw new CommandFailure(
        "BadValue",
        `The $bit modifier field must be an Integer(32/64 bit); a '${nodeType(node)}' is not supported here: {${field}: ${shown(plainValue(node))}}`,
      );
    return { run, value: BigInt(value.toString()), isLong: kind === "long" };
  });
  return {
    creates: true,
    apply: (existing, place) => {
      const held = existing && numericOf(existing);
      const kind = held === undefined ? undefined : numericKind(held);
      if (existing && kind !== "int" && kind !== "long")
        throw new CommandFailure(
          "BadValue",
          `Cannot apply $bit to a value of non-integral type._id: ${shown(place.id)} has the field ${place.name} of non-integer type ${nodeType(existing)}`,
        );
      let value = held === undefined ? 0n : BigInt(held.toString());
      let isLong = kind === "long";
      for (const step of steps) {
        value = step.run(value, step.value);
        isLong ||= step.isLong;
      }
      return leafOf(isLong ? Long.fromBigInt(BigInt.asIntN(64, value)) : new Int32(Number(BigInt.asIntN(32, value))));
    },
  };
}

function currentDate(field: string, argument: Node, scope: OperatorScope): Operator {
  const asked = plainValue(argument);
  const type = asked === true || asked === false ? "date" : ((asked as Document | null)?.$type as unknown);
  if (typeof asked !== "boolean" && (fieldsOf(argument) === undefined || (type !== "date" && type !== "timestamp")))
    throw new CommandFailure(
      "BadValue",
      fieldsOf(argument)
        ? `The '$type' string field is required to be 'date' or 'timestamp': {$currentDate: {field : {$type: 'date'}}}`
        : `${nodeType(argument)} is not valid type for $currentDate. Please use a boolean ('true') or a $type expression ({$type: 'timestamp/date'}).`,
    );
  const value = type === "timestamp" ? new Timestamp({ t: Math.floor(scope.nowMs / 1000), i: 1 }) : new Date(scope.nowMs);
  return { creates: true, apply: () => leafOf(value) };
}

const SET = (argument: Node): Operator => ({
  creates: true,
  apply: (existing) => (existing && sameNode(existing, argument) ? undefined : closed(argument)),
});

/** The operator that works on one field of an update document; undefined for a name that is none. $rename is told apart by its caller. */
export function operatorFor(name: string, field: string, argument: Node, scope: OperatorScope): Operator | undefined {
  switch (name) {
    case "$set":
    case "$setOnInsert":
      return SET(argument);
    case "$unset":
      return { creates: false, apply: (existing) => (existing === undefined ? undefined : REMOVE) };
    case "$inc":
    case "$mul":
      return arithmetic(name, field, argument);
    case "$min":
      return extreme(argument, (order) => order < 0);
    case "$max":
      return extreme(argument, (order) => order > 0);
    case "$push":
      return push(argument);
    case "$addToSet":
      return addToSet(argument);
    case "$pull":
      return pull(argument, scope);
    case "$pullAll":
      return pullAll(argument);
    case "$pop":
      return pop(argument);
    case "$bit":
      return bit(field, argument);
    case "$currentDate":
      return currentDate(field, argument, scope);
    default:
      return undefined;
  }
}
