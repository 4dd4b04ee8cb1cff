import type { AnyColumn } from "../../columns/column.ts";
import { call, type Column, columnOf } from "../../columns/column.ts";
import type { Long } from "../../types/schema-builder.ts";
import { given } from "./arguments.ts";

/** The sample deviation; null of a single value. */
export function stddev(column: AnyColumn): Column<number> {
  return call("stddev", [column]);
}
/** The sample deviation; null of a single value. */
export function stddevSamp(column: AnyColumn): Column<number> {
  return call("stddev_samp", [column]);
}
/** The same as stddev. */
export function std(column: AnyColumn): Column<number> {
  return call("std", [column]);
}
/** The deviation of the whole population. */
export function stddevPop(column: AnyColumn): Column<number> {
  return call("stddev_pop", [column]);
}
/** The sample variance; null of a single value. */
export function variance(column: AnyColumn): Column<number> {
  return call("variance", [column]);
}
/** The sample variance; null of a single value. */
export function varSamp(column: AnyColumn): Column<number> {
  return call("var_samp", [column]);
}
/** The variance of the whole population. */
export function varPop(column: AnyColumn): Column<number> {
  return call("var_pop", [column]);
}
/** How lopsided the distribution is. */
export function skewness(column: AnyColumn): Column<number> {
  return call("skewness", [column]);
}
/** How heavy the tails are, 0 for the normal distribution. */
export function kurtosis(column: AnyColumn): Column<number> {
  return call("kurtosis", [column]);
}
/** The covariance of the whole population. */
export function covarPop(a: AnyColumn, b: AnyColumn): Column<number> {
  return call("covar_pop", [a, b]);
}
/** The sample covariance; null of a single pair. */
export function covarSamp(a: AnyColumn, b: AnyColumn): Column<number> {
  return call("covar_samp", [a, b]);
}
/** Pearson's correlation; null of a single pair. */
export function corr(a: AnyColumn, b: AnyColumn): Column<number> {
  return call("corr", [a, b]);
}
/** How many pairs have no null. */
export function regrCount(y: AnyColumn, x: AnyColumn): Column<Long> {
  return call("regr_count", [y, x]);
}
/** The mean of x over the pairs without null. */
export function regrAvgx(y: AnyColumn, x: AnyColumn): Column<number> {
  return call("regr_avgx", [y, x]);
}
/** The mean of y over the pairs without null. */
export function regrAvgy(y: AnyColumn, x: AnyColumn): Column<number> {
  return call("regr_avgy", [y, x]);
}
/** The sum of squares of x about its mean. */
export function regrSxx(y: AnyColumn, x: AnyColumn): Column<number> {
  return call("regr_sxx", [y, x]);
}
/** The sum of squares of y about its mean. */
export function regrSyy(y: AnyColumn, x: AnyColumn): Column<number> {
  return call("regr_syy", [y, x]);
}
/** The sum of products of x and y about their means. */
export function regrSxy(y: AnyColumn, x: AnyColumn): Column<number> {
  return call("regr_sxy", [y, x]);
}
/** The slope of the line of least squares; null where all x are equal. */
export function regrSlope(y: AnyColumn, x: AnyColumn): Column<number> {
  return call("regr_slope", [y, x]);
}
/** Where the line of least squares meets x = 0; null where all x are equal. */
export function regrIntercept(y: AnyColumn, x: AnyColumn): Column<number> {
  return call("regr_intercept", [y, x]);
}
/** The part of the variance that the line explains; null where all x are equal, else 1 where all y are. */
export function regrR2(y: AnyColumn, x: AnyColumn): Column<number> {
  return call("regr_r2", [y, x]);
}
/** About how many different values, in a state of fixed size. */
export function approxCountDistinct(column: AnyColumn): Column<Long> {
  return call("approx_count_distinct", [column]);
}
/** The middle value, between the two middle ones by interpolation. */
export function median(column: AnyColumn): Column<number> {
  return call("median", [column]);
}
/** The value under which such a part of the values lies, by interpolation; an array for an array of parts. */
export function percentile(column: AnyColumn, part: number): Column<number>;
export function percentile(column: AnyColumn, parts: readonly number[]): Column<number[]>;
export function percentile(column: AnyColumn, part: number | readonly number[]): unknown {
  return call("percentile", [column, partOf(part)]);
}
/** The value under which about such a part of the values lies; an array for an array of parts. */
export function percentileApprox<T>(column: Column<T>, part: number, accuracy?: number): Column<T>;
export function percentileApprox<T>(column: Column<T>, parts: readonly number[], accuracy?: number): Column<T[]>;
export function percentileApprox(column: AnyColumn, part: number | readonly number[], accuracy?: number): unknown {
  return call("percentile_approx", [column, partOf(part), ...given(accuracy)]);
}
/** The same as percentile_approx. */
export function approxPercentile<T>(column: Column<T>, part: number, accuracy?: number): Column<T>;
export function approxPercentile<T>(column: Column<T>, parts: readonly number[], accuracy?: number): Column<T[]>;
export function approxPercentile(column: AnyColumn, part: number | readonly number[], accuracy?: number): unknown {
  return call("approx_percentile", [column, partOf(part), ...given(accuracy)]);
}

/** Parts of 1, as doubles whatever their digits. */
function partOf(part: number | readonly number[]): AnyColumn {
  if (typeof part !== "number") return call<unknown>("array", part.map(partOf));
  return columnOf<number>({ kind: "literal", value: part, dataType: { type: "double" } });
}
