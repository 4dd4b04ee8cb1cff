import { AnalysisError, wrongArgumentCount } from "../columns/analysis-error.ts";
import type { Resolved } from "../columns/resolved.ts";
import type { Long } from "../types/long.ts";
import { murmurBytes } from "../types/murmur-hash.ts";
import type { FunctionEntry } from "./function-entry.ts";
import { DOUBLE, unexpectedType } from "./scalar.ts";

/** Random numbers by a seed. Every batch begins the sequence anew, so that a batch that runs again gives the same rows. */
export const random: readonly FunctionEntry[] = [
  sequence("rand", "An even random number from [0, 1); the seed is a fixed whole number.", (source) => () => source.double()),
  sequence("random", "The same as rand.", (source) => () => source.double()),
  sequence("randn", "A random number of the standard normal distribution.", gaussians),
];

/** The generator of Spark's XORShiftRandom: 64 bits of state in two halves. */
interface XorShift {
  double(): number;
}

/** Seeded as Spark seeds it: the state is two Murmur hashes of the seed's bytes. Spark adds the partition's number, here there is one partition: 0. */
function xorShift(seed: Long): XorShift {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt.asIntN(64, BigInt(seed)));
  let low = murmurBytes(bytes, 0x3c074a61);
  let high = murmurBytes(bytes, low);
  const step = (): void => {
    high ^= (high << 21) | (low >>> 11);
    low ^= low << 21;
    low ^= high >>> 3;
    high ^= (high << 4) | (low >>> 28);
    low ^= low << 4;
  };
  return {
    double() {
      step();
      const first = low & 0x3ffffff;
      step();
      return (first * 134217728 + (low & 0x7ffffff)) * 2 ** -53;
    },
  };
}

/** Marsaglia's polar method: two numbers at a time, as java.util.Random does it. */
function gaussians(source: XorShift): () => number {
  let kept: number | undefined;
  return () => {
    if (kept !== undefined) {
      const value = kept;
      kept = undefined;
      return value;
    }
    for (;;) {
      const a = 2 * source.double() - 1;
      const b = 2 * source.double() - 1;
      const size = a * a + b * b;
      if (size >= 1 || size === 0) continue;
      const scale = Math.sqrt((-2 * Math.log(size)) / size);
      kept = b * scale;
      return a * scale;
    }
  };
}

function sequence(name: string, doc: string, draw: (source: XorShift) => () => number): FunctionEntry {
  return {
    name,
    doc,
    volatile: true,
    resolve(args) {
      if (args.length > 1) throw wrongArgumentCount(name, "[0, 1]", args.length);
      seedOf(name, args[0]);
      return { args, dataType: DOUBLE, nullable: false };
    },
    emit(call, { writer, batchNumber }) {
      const seed = seedOf(name, call.args[0]);
      const make = (): (() => number) => draw(xorShift(seed));
      const next = writer.constant(name, { make, draw: make(), batch: -1 });
      writer.line(`if (${next}.batch !== ${batchNumber}) { ${next}.batch = ${batchNumber}; ${next}.draw = ${next}.make(); }`);
      return { value: writer.assign(name, `${next}.draw()`), isNull: "false" };
    },
  };
}

function seedOf(name: string, arg: Resolved | undefined): Long {
  if (arg === undefined) {
    throw new AnalysisError("SEED_EXPRESSION_IS_MISSING", {
      failed: `\`${name}\` needs a seed`,
      found: "no argument: a batch that runs again would give other rows",
      remedy: `Write ${name}(42), or another fixed whole number.`,
    });
  }
  const type = arg.dataType.type;
  if (type !== "int" && type !== "bigint" && type !== "null") throw unexpectedType(name, arg, '"INT" or "BIGINT"');
  const folded = constantSeed(arg);
  if (folded !== undefined) return folded;
  throw new AnalysisError("SEED_EXPRESSION_IS_UNFOLDABLE", {
    failed: `The seed of the function \`${name}\` is not a constant`,
    found: "the argument depends on the row",
    remedy: "Give the seed as a literal.",
  });
}

/** A literal, or one with a sign before it; null is 0. */
function constantSeed(arg: Resolved): Long | undefined {
  if (arg.kind === "literal") return (arg.value as Long | null) ?? 0;
  const [inner] = arg.kind === "call" && arg.entry.name === "negative" ? arg.args : [];
  if (inner?.kind !== "literal" || inner.value === null) return undefined;
  return typeof inner.value === "bigint" ? -inner.value : 0 - (inner.value as number);
}
