import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { valueOrNull } from "../codegen/emit.ts";
import { AnalysisError, wrongArgumentCount } from "../columns/analysis-error.ts";
import type { DataType } from "../types/data-type.ts";
import { normalLong, type Long } from "../types/long.ts";
import { murmurValue } from "../types/murmur-hash.ts";
import { hashValue } from "../types/xx-hash.ts";
import type { FunctionEntry } from "./function-entry.ts";
import { BIGINT, BINARY, INT, scalar, STRING } from "./scalar.ts";

/** Check sums and hashes: of bytes (md5, sha, crc32) and of values (hash, xxhash64). */
export const hashes: readonly FunctionEntry[] = [
  digest("md5", "The MD5 sum as hexadecimal text.", "md5"),
  digest("sha", "The SHA-1 sum as hexadecimal text.", "sha1"),
  digest("sha1", "The SHA-1 sum as hexadecimal text.", "sha1"),
  scalar({
    name: "sha2",
    doc: "The SHA-2 sum of 224, 256 (or 0), 384 or 512 bits as hexadecimal text.",
    params: [BINARY, INT],
    result: STRING,
    run: sha2,
    partial: true,
  }),
  scalar({ name: "crc32", doc: "The cyclic redundancy check value.", params: [BINARY], result: BIGINT, run: (b: Uint8Array) => crc32(b) }),
  ofValues("hash", "A 32-bit hash of the arguments (Murmur3); nulls are passed over.", INT, (types) => (values) => {
    let seed = 42;
    for (let i = 0; i < types.length; i++) {
      const type = types[i];
      if (values[i] !== null && type) seed = murmurValue(values[i], type, seed);
    }
    return seed;
  }),
  ofValues("xxhash64", "A 64-bit hash of the arguments; nulls are passed over.", BIGINT, (types) => (values) => {
    let seed = 42n;
    for (let i = 0; i < types.length; i++) {
      const type = types[i];
      if (values[i] !== null && type) seed = hashValue(values[i], type, seed);
    }
    return normalLong(BigInt.asIntN(64, seed));
  }),
];

function digest(name: string, doc: string, algorithm: string): FunctionEntry {
  const run = (bytes: Uint8Array): string => createHash(algorithm).update(bytes).digest("hex");
  return scalar({ name, doc, params: [BINARY], result: STRING, run });
}

function sha2(bytes: Uint8Array, bits: number): string | null {
  if (bits !== 0 && bits !== 224 && bits !== 256 && bits !== 384 && bits !== 512) return null;
  return createHash(`sha${bits === 0 ? 256 : bits}`)
    .update(bytes)
    .digest("hex");
}

function ofValues(
  name: string,
  doc: string,
  result: DataType,
  make: (types: readonly DataType[]) => (values: readonly unknown[]) => Long,
): FunctionEntry {
  return {
    name,
    doc,
    resolve(args) {
      if (args.length === 0) throw wrongArgumentCount(name, "> 0", 0);
      if (args.some((arg) => holdsMap(arg.dataType))) {
        throw new AnalysisError("DATATYPE_MISMATCH.HASH_MAP_TYPE", {
          failed: `Cannot resolve "${name}(…)" due to data type mismatch`,
          found: `an argument of \`${name}\` holds a map`,
          remedy: "Maps that are equal may have different hashes: hash their sorted entries.",
        });
      }
      return { args, dataType: result, nullable: false };
    },
    emit(call, context) {
      const hash = make(call.args.map((arg) => arg.dataType));
      const values = call.args.map((arg) => valueOrNull(context.emit(arg)));
      return { value: `${context.writer.constant("hash", hash)}([${values.join(", ")}])`, isNull: "false" };
    },
  };
}

function holdsMap(type: DataType): boolean {
  if (type.type === "array") return holdsMap(type.element);
  return type.type === "map" || (type.type === "struct" && type.fields.some((one) => holdsMap(one.dataType)));
}
