import type { AggregateEntry } from "./aggregate-entry.ts";
import { basicAggregates } from "./aggregates-basic.ts";
import { bitAggregates } from "./aggregates-bits.ts";
import { collectingAggregates } from "./aggregates-collect.ts";
import { distinctAggregates } from "./aggregates-distinct.ts";
import { extremeAggregates } from "./aggregates-extreme.ts";
import { rankAggregates } from "./aggregates-rank.ts";
import { regressionAggregates } from "./aggregates-regression.ts";
import { statisticalAggregates } from "./aggregates-statistics.ts";
import { arithmetic } from "./arithmetic.ts";
import { bases } from "./bases.ts";
import { arrays } from "./arrays.ts";
import { bits } from "./bits.ts";
import { collections } from "./collections.ts";
import { comparisons } from "./comparisons.ts";
import { csv } from "./csv.ts";
import { dates } from "./dates.ts";
import { encodings } from "./encodings.ts";
import { exploding } from "./explode.ts";
import type { FunctionEntry } from "./function-entry.ts";
import { hashes } from "./hashes.ts";
import { higherOrder } from "./higher-order.ts";
import { inspection } from "./inspection.ts";
import { instants } from "./instants.ts";
import { json } from "./json.ts";
import { logic } from "./logic.ts";
import { maps } from "./maps.ts";
import { math } from "./math.ts";
import { patterns } from "./patterns.ts";
import { random } from "./random.ts";
import { rounding } from "./rounding.ts";
import { strings } from "./strings.ts";
import { textFormat } from "./text-format.ts";
import { textSearch } from "./text-search.ts";
import { structs } from "./structs.ts";
import { timeWindows } from "./time-window.ts";

/** The scalar functions of Spark SQL that the engine knows, by lower-case name. */
export const builtinFunctions: ReadonlyMap<string, FunctionEntry> = byName([
  comparisons,
  logic,
  arithmetic,
  math,
  rounding,
  random,
  bases,
  strings,
  textSearch,
  textFormat,
  encodings,
  hashes,
  inspection,
  patterns,
  dates,
  instants,
  collections,
  arrays,
  higherOrder,
  maps,
  structs,
  exploding,
  json,
  csv,
  bits,
  timeWindows,
]);

/** The aggregate functions, by lower-case name. */
export const builtinAggregates: ReadonlyMap<string, AggregateEntry> = byName([
  basicAggregates,
  extremeAggregates,
  statisticalAggregates,
  regressionAggregates,
  collectingAggregates,
  distinctAggregates,
  bitAggregates,
  rankAggregates,
]);

function byName<Entry extends { readonly name: string }>(families: readonly (readonly Entry[])[]): ReadonlyMap<string, Entry> {
  const map = new Map<string, Entry>();
  for (const entry of families.flat()) {
    if (map.has(entry.name)) throw new Error(`two functions are called ${entry.name}`);
    map.set(entry.name, entry);
  }
  return map;
}
