import type { CodeWriter } from "../codegen/code.ts";
import { wrongArgumentCount } from "../columns/analysis-error.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import type { AggregateEntry, ResolvedAggregate } from "./aggregate-entry.ts";
import { at, average, counting, whenPresent } from "./aggregates-basic.ts";
import { doubleSlot, mergeCovariance, moment, pair, updateCovariance } from "./aggregates-statistics.ts";
import { anyNumber, DOUBLE, implicitCast } from "./scalar.ts";

/**
 * Linear regression of y on x over the pairs of which neither is null; all take (y, x). Null without a pair, but for the count (RegrCount, RegrAvgX,
 * RegrSXX, RegrSlope, RegrR2 and their kin).
 */
export const regressionAggregates: readonly AggregateEntry[] = [
  {
    name: "regr_count",
    doc: "How many pairs have no null.",
    resolve(args, _options, settings) {
      const numbers = two("regr_count", args).map((arg) => anyNumber(arg, "regr_count", settings));
      return counting(numbers, (emitted) => emitted.map((arg) => arg.isNull).filter((text) => text !== "false"));
    },
  },
  ofPairs("regr_avgx", "The mean of x over the pairs without null.", "x", (x, settings) => average("regr_avgx", [x], settings)),
  ofPairs("regr_avgy", "The mean of y over the pairs without null.", "y", (y, settings) => average("regr_avgy", [y], settings)),
  ofPairs("regr_sxx", "The sum of squares of x about its mean.", "x", squares("regr_sxx")),
  ofPairs("regr_syy", "The sum of squares of y about its mean.", "y", squares("regr_syy")),
  pair("regr_sxy", "The sum of products of x and y about their means.", (s) => ({ value: at(s, 3), isNull: `${at(s, 0)} === 0` })),
  line("regr_slope", "The slope of the line of least squares; null where all x are equal.", (s) => `${at(s, 3)} / ${at(s, 4)}`),
  line(
    "regr_intercept",
    "Where the line of least squares meets x = 0; null where all x are equal.",
    (s) => `${at(s, 2)} - ${at(s, 3)} / ${at(s, 4)} * ${at(s, 1)}`,
  ),
  pair("regr_r2", "The part of the variance that the line explains; null where all x are equal, else 1 where all y are.", (s, writer) => {
    const r = writer.assign("r", `${at(s, 3)} / Math.sqrt(${at(s, 4)} * ${at(s, 5)})`);
    return { value: `(${at(s, 4)} === 0 ? 1 : ${r} * ${r})`, isNull: `${at(s, 5)} === 0` };
  }),
];

function two(name: string, args: readonly Resolved[]): readonly [y: Resolved, x: Resolved] {
  const [y, x] = args;
  if (args.length !== 2 || !y || !x) throw wrongArgumentCount(name, "2", args.length);
  return [y, x];
}

/** An aggregate of one side of the pairs, folded in where the other side is not null. */
function ofPairs(
  name: string,
  doc: string,
  side: "x" | "y",
  over: (arg: Resolved, settings: ExpressionSettings) => ResolvedAggregate,
): AggregateEntry {
  return {
    name,
    doc,
    resolve(args, _options, settings) {
      const [y, x] = two(name, args);
      const inner = over(side === "x" ? x : y, settings);
      return {
        ...inner,
        args: [...inner.args, anyNumber(side === "x" ? y : x, name, settings)],
        update(s, [value, other], writer) {
          if (value !== undefined) whenPresent(other, writer, () => inner.update(s, [value], writer));
        },
      };
    },
  };
}

function squares(name: string): (arg: Resolved, settings: ExpressionSettings) => ResolvedAggregate {
  const entry = moment(name, "", 2, (s) => ({ value: at(s, 2), isNull: `${at(s, 0)} === 0` }));
  return (arg, settings) => entry.resolve([arg], {}, settings);
}

/** A figure of the line of least squares. Slots: n, mean of x, mean of y, co-moment, moment of x. */
function line(name: string, doc: string, value: (slots: readonly string[]) => string): AggregateEntry {
  return {
    name,
    doc,
    resolve(args, _options, settings): ResolvedAggregate {
      return {
        dataType: DOUBLE,
        nullable: true,
        args: two(name, args).map((arg) => implicitCast(arg, DOUBLE, name, settings)),
        slots: ["n", "mean x", "mean y", "ck", "m2 x"].map(doubleSlot),
        update(s, [y, x], writer) {
          whenPresent(x, writer, (a) => whenPresent(y, writer, (b) => writer.block("", () => updateLine(s, a, b, writer))));
        },
        merge(s, o, writer) {
          writer.block(`if (${at(o, 0)} !== 0)`, () => {
            mergeCovariance(s, o, writer);
            writer.line(`${at(s, 4)} += ${at(o, 4)} + dx * dxN * n1 * n2;`);
          });
        },
        result: (s) => ({ value: value(s), isNull: `${at(s, 4)} === 0` }),
      };
    },
  };
}

/** As a covariance with x first; the moment of x is a variance's, whose last digits differ from a correlation's. */
function updateLine(s: readonly string[], x: string, y: string, writer: CodeWriter): void {
  updateCovariance(s, x, y, writer);
  writer.line(`${at(s, 4)} += dx * (dx - dx / n);`);
}
