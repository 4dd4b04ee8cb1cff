import type { CodeWriter } from "../codegen/code.ts";
import { wrongArgumentCount } from "../columns/analysis-error.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import type { AggregateEntry, AggregateSlot, ResolvedAggregate } from "./aggregate-entry.ts";
import { at, only, whenPresent } from "./aggregates-basic.ts";
import { DOUBLE, implicitCast } from "./scalar.ts";

/**
 * Deviations, variances, skewness, kurtosis, covariances, correlation: central moments updated value by value and merged pairwise, in the same order of
 * operations as Spark (CentralMomentAgg, Covariance, Corr), so that the digits agree.
 */
export const statisticalAggregates: readonly AggregateEntry[] = [
  moment("stddev", "The sample deviation; null of a single value.", 2, deviation(1)),
  moment("stddev_samp", "The sample deviation; null of a single value.", 2, deviation(1)),
  moment("std", "The same as stddev.", 2, deviation(1)),
  moment("stddev_pop", "The deviation of the whole population.", 2, deviation(0)),
  moment("variance", "The sample variance; null of a single value.", 2, variance(1)),
  moment("var_samp", "The sample variance; null of a single value.", 2, variance(1)),
  moment("var_pop", "The variance of the whole population.", 2, variance(0)),
  moment("skewness", "How lopsided the distribution is.", 3, (s) => ({
    value: `Math.sqrt(${at(s, 0)}) * ${at(s, 3)} / Math.sqrt(${at(s, 2)} * ${at(s, 2)} * ${at(s, 2)})`,
    isNull: `${at(s, 0)} === 0 || ${at(s, 2)} === 0`,
  })),
  moment("kurtosis", "How heavy the tails are, 0 for the normal distribution.", 4, (s) => ({
    value: `${at(s, 0)} * ${at(s, 4)} / (${at(s, 2)} * ${at(s, 2)}) - 3`,
    isNull: `${at(s, 0)} === 0 || ${at(s, 2)} === 0`,
  })),
  pair("covar_pop", "The covariance of the whole population.", (s) => ({
    value: `${at(s, 3)} / ${at(s, 0)}`,
    isNull: `${at(s, 0)} === 0`,
  })),
  pair("covar_samp", "The sample covariance; null of a single pair.", (s) => ({
    value: `${at(s, 3)} / (${at(s, 0)} - 1)`,
    isNull: `${at(s, 0)} < 2`,
  })),
  pair("corr", "Pearson's correlation; null of a single pair.", (s) => ({
    value: `${at(s, 3)} / Math.sqrt(${at(s, 4)} * ${at(s, 5)})`,
    isNull: `${at(s, 0)} < 2`,
  })),
];

interface Finished {
  readonly value: string;
  readonly isNull: string;
}
type Finish = (slots: readonly string[], writer: CodeWriter) => Finished;

function deviation(less: 0 | 1): Finish {
  return (s, writer) => {
    const { value, isNull } = variance(less)(s, writer);
    return { value: `Math.sqrt(${value})`, isNull };
  };
}

function variance(less: 0 | 1): Finish {
  return (s) => ({
    value: less === 0 ? `${at(s, 2)} / ${at(s, 0)}` : `${at(s, 2)} / (${at(s, 0)} - 1)`,
    isNull: `${at(s, 0)} < ${less + 1}`,
  });
}

/** A cell for a number, 0 at first. */
export function doubleSlot(name: string): AggregateSlot {
  return { name, storage: "double", dataType: DOUBLE, initial: "0" };
}

/** An aggregate of central moments. Slots: n, mean, m2, m3, m4 up to the order. */
export function moment(name: string, doc: string, order: 2 | 3 | 4, finish: Finish): AggregateEntry {
  const slots = ["n", "mean", "m2", "m3", "m4"].slice(0, order + 1).map(doubleSlot);
  return {
    name,
    doc,
    resolve(args, _options, settings): ResolvedAggregate {
      return {
        dataType: DOUBLE,
        nullable: true,
        args: [implicitCast(only(name, args), DOUBLE, name, settings)],
        slots,
        update: (s, [value], writer) => whenPresent(value, writer, (text) => writer.block("", () => updateMoments(s, text, order, writer))),
        merge: (s, o, writer) => writer.block(`if (${at(o, 0)} !== 0)`, () => mergeMoments(s, o, order, writer)),
        result: finish,
      };
    },
  };
}

function updateMoments(s: readonly string[], x: string, order: number, writer: CodeWriter): void {
  writer.line(`const n = ${at(s, 0)} + 1, delta = ${x} - ${at(s, 1)}, deltaN = delta / n;`);
  writer.line(`const m2 = ${at(s, 2)} + delta * (delta - deltaN);`);
  if (order >= 3) {
    writer.line("const delta2 = delta * delta, deltaN2 = deltaN * deltaN;");
    writer.line(`const m3 = ${at(s, 3)} - 3 * deltaN * m2 + delta * (delta2 - deltaN2);`);
  }
  if (order >= 4)
    writer.line(`${at(s, 4)} = ${at(s, 4)} - 4 * deltaN * m3 - 6 * deltaN2 * m2 + delta * (delta * delta2 - deltaN * deltaN2);`);
  if (order >= 3) writer.line(`${at(s, 3)} = m3;`);
  writer.line(`${at(s, 2)} = m2; ${at(s, 1)} += deltaN; ${at(s, 0)} = n;`);
}

function mergeMoments(s: readonly string[], o: readonly string[], order: number, writer: CodeWriter): void {
  writer.line(`const n1 = ${at(s, 0)}, n2 = ${at(o, 0)}, n = n1 + n2;`);
  writer.line(`const delta = ${at(o, 1)} - ${at(s, 1)}, deltaN = delta / n, a2 = ${at(s, 2)}, b2 = ${at(o, 2)};`);
  if (order >= 3) writer.line(`const a3 = ${at(s, 3)}, b3 = ${at(o, 3)};`);
  if (order >= 4) {
    writer.line(
      `${at(s, 4)} = ${at(s, 4)} + ${at(o, 4)} + deltaN * deltaN * deltaN * delta * n1 * n2 * (n1 * n1 - n1 * n2 + n2 * n2) + 6 * deltaN * deltaN * (n1 * n1 * b2 + n2 * n2 * a2) + 4 * deltaN * (n1 * b3 - n2 * a3);`,
    );
  }
  if (order >= 3) writer.line(`${at(s, 3)} = a3 + b3 + deltaN * deltaN * delta * n1 * n2 * (n1 - n2) + 3 * deltaN * (n1 * b2 - n2 * a2);`);
  writer.line(`${at(s, 2)} = a2 + b2 + delta * deltaN * n1 * n2;`);
  writer.line(`${at(s, 1)} += deltaN * n2; ${at(s, 0)} = n;`);
}

/** An aggregate of pairs, those with a null left out. Slots: n, mean of the first, mean of the second, co-moment, moment of either. */
export function pair(name: string, doc: string, finish: Finish): AggregateEntry {
  const slots = ["n", "mean x", "mean y", "ck", "m2 x", "m2 y"].map(doubleSlot);
  return {
    name,
    doc,
    resolve(args, _options, settings): ResolvedAggregate {
      if (args.length !== 2) throw wrongArgumentCount(name, "2", args.length);
      return {
        dataType: DOUBLE,
        nullable: true,
        args: args.map((arg) => asDouble(arg, name, settings)),
        slots,
        update(s, [x, y], writer) {
          whenPresent(x, writer, (a) => whenPresent(y, writer, (b) => writer.block("", () => updatePair(s, a, b, writer))));
        },
        merge: (s, o, writer) => writer.block(`if (${at(o, 0)} !== 0)`, () => mergePair(s, o, writer)),
        result: finish,
      };
    },
  };
}

function asDouble(arg: Resolved, name: string, settings: ExpressionSettings): Resolved {
  return implicitCast(arg, DOUBLE, name, settings);
}

function updatePair(s: readonly string[], x: string, y: string, writer: CodeWriter): void {
  updateCovariance(s, x, y, writer);
  writer.line(`${at(s, 4)} += dx * (${x} - meanX); ${at(s, 5)} += dy * (${y} - meanY);`);
}

/** Folds a pair into n, means and co-moment. */
export function updateCovariance(s: readonly string[], x: string, y: string, writer: CodeWriter): void {
  writer.line(`const n = ${at(s, 0)} + 1, dx = ${x} - ${at(s, 1)}, dy = ${y} - ${at(s, 2)};`);
  writer.line(`const meanX = ${at(s, 1)} + dx / n, meanY = ${at(s, 2)} + dy / n;`);
  writer.line(`${at(s, 3)} += dx * (${y} - meanY);`);
  writer.line(`${at(s, 0)} = n; ${at(s, 1)} = meanX; ${at(s, 2)} = meanY;`);
}

function mergePair(s: readonly string[], o: readonly string[], writer: CodeWriter): void {
  mergeCovariance(s, o, writer);
  writer.line(`${at(s, 4)} += ${at(o, 4)} + dx * dxN * n1 * n2; ${at(s, 5)} += ${at(o, 5)} + dy * dyN * n1 * n2;`);
}

/** Folds n, means and co-moment into others. */
export function mergeCovariance(s: readonly string[], o: readonly string[], writer: CodeWriter): void {
  writer.line(`const n1 = ${at(s, 0)}, n2 = ${at(o, 0)}, n = n1 + n2;`);
  writer.line(`const dx = ${at(o, 1)} - ${at(s, 1)}, dxN = dx / n, dy = ${at(o, 2)} - ${at(s, 2)}, dyN = dy / n;`);
  writer.line(`${at(s, 3)} += ${at(o, 3)} + dx * dyN * n1 * n2;`);
  writer.line(`${at(s, 0)} = n; ${at(s, 1)} += dxN * n2; ${at(s, 2)} += dyN * n2;`);
}
