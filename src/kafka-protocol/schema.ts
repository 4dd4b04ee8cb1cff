/**
 * How a message is written down: an object whose keys are the fields in wire order and whose values say, in Kafka's own terms,
 * type, versions, nullability, tag and default.
 *
 * A text is a scalar or a list of scalars: `type[] ? versions "null" versions "tag" n "=" default`, for instance `"int64"`, `"string? 3+"`
 * (nullable, from version 3), `"string null 9+"` (nullable only from version 9), `"int32[] 5+"`, `"int64 5+ = -1"`, `"int64 3+ tag 1 = -1"`.
 * An object is a structure or a list of structures. A field that a version lacks reads as its default: the one given, or null where `?`
 * stands, or 0, "", false, [].
 */
export type FieldSpec = string | StructSpec | ArraySpec;

export interface Fields {
  readonly [name: string]: FieldSpec;
}

interface Modifiers {
  /** "3+" or "2-7"; absent: every version. */
  readonly versions?: string;
  /** true, or from a version on: "2+". */
  readonly nullable?: true | string;
  /** A tagged field (KIP-482): present only in flexible versions, and only where it differs from its default. */
  readonly tag?: number;
}

export interface StructSpec extends Modifiers {
  readonly struct: Fields;
}

export interface ArraySpec extends Modifiers {
  readonly array: Fields;
}

/** One API: its key, the versions that the tables describe, the first flexible version, and the two messages. */
export interface ApiTable {
  readonly key: number;
  readonly name: string;
  readonly versions: readonly [min: number, max: number];
  readonly flexible: number | null;
  readonly request: Fields;
  readonly response: Fields;
}

/** Bytes of record batches: views of the frame when read; when written one piece or several, which are sent without a copy. */
export type RecordBytes = Uint8Array | readonly Uint8Array[];

interface Scalars {
  bool: boolean;
  int8: number;
  int16: number;
  uint16: number;
  int32: number;
  uint32: number;
  /** A number: exact to 2^53, which offsets, times and producer ids never reach. */
  int64: number;
  float64: number;
  string: string;
  /** 22 characters of base64url, as Kafka prints topic ids. */
  uuid: string;
  bytes: Buffer;
  records: Buffer;
}

interface WritableScalars extends Omit<Scalars, "bytes" | "records"> {
  bytes: Uint8Array;
  records: RecordBytes;
}

type Head<S extends string> = S extends `${infer First} ${string}` ? First : S;
type NullIn<S extends string> = S extends `${string}?${string}` ? null : S extends `${string} null ${string}` ? null : never;
type Lookup<T extends string, Table> = T extends keyof Table ? Table[T] : never;
type ReadableText<H extends string> = H extends `${infer Base}?`
  ? ReadableText<Base>
  : H extends `${infer Base}[]`
    ? Lookup<Base, Scalars>[]
    : Lookup<H, Scalars>;
type WritableText<H extends string> = H extends `${infer Base}?`
  ? WritableText<Base>
  : H extends `${infer Base}[]`
    ? readonly Lookup<Base, WritableScalars>[]
    : Lookup<H, WritableScalars>;

type Readable<S> = S extends string
  ? ReadableText<Head<S>> | NullIn<S>
  : S extends { readonly array: infer F }
    ? MessageOf<F>[] | (S extends { readonly nullable: unknown } ? null : never)
    : S extends { readonly struct: infer F }
      ? MessageOf<F> | (S extends { readonly nullable: unknown } ? null : never)
      : never;

type Writable<S> = S extends string
  ? WritableText<Head<S>> | NullIn<S>
  : S extends { readonly array: infer F }
    ? readonly DraftOf<F>[] | (S extends { readonly nullable: unknown } ? null : never)
    : S extends { readonly struct: infer F }
      ? DraftOf<F> | (S extends { readonly nullable: unknown } ? null : never)
      : never;

/** A field may be left out of a draft where not every version has it, or where it has a default: the text has more than a type. */
type OptionalKeys<F> = {
  [K in keyof F]: F[K] extends `${string} ${string}`
    ? K
    : F[K] extends { readonly versions: string } | { readonly tag: number }
      ? K
      : never;
}[keyof F];

/** What a message of these fields reads as: every field is there, whatever the version. */
export type MessageOf<F> = { -readonly [K in keyof F]: Readable<F[K]> };

/** What is asked of someone who writes a message: fields that not every version has may be left out. */
export type DraftOf<F> = { readonly [K in OptionalKeys<F>]?: Writable<F[K]> } & {
  readonly [K in Exclude<keyof F, OptionalKeys<F>>]: Writable<F[K]>;
};

export type RequestOf<A extends ApiTable> = MessageOf<A["request"]>;
export type ResponseOf<A extends ApiTable> = MessageOf<A["response"]>;
export type RequestDraft<A extends ApiTable> = DraftOf<A["request"]>;
export type ResponseDraft<A extends ApiTable> = DraftOf<A["response"]>;

/** Every scalar that a table may name. */
export type ScalarName = keyof Scalars;

/** One field as the codec needs it for one version. */
export interface ResolvedField {
  readonly name: string;
  readonly scalar: ScalarName | null;
  readonly fields: Fields | null;
  readonly isArray: boolean;
  readonly present: boolean;
  readonly nullable: boolean;
  readonly tag: number | null;
  /** Value where the version lacks the field, the draft leaves it out, or a tagged field is not sent. `undefined` stands for a structure of defaults. */
  readonly fallback: unknown;
}

const TEXT =
  /^(?<type>[a-z]+\d*)(?<list>\[\])?(?<nullable>\?)?(?: (?<versions>\d+\+|\d+-\d+))?(?: null (?<nulls>\d+\+))?(?: tag (?<tag>\d+))?(?: = (?<value>.*))?$/;

const NUMBERS: ReadonlySet<string> = new Set(["int8", "int16", "uint16", "int32", "uint32", "int64", "float64"]);
const NO_BYTES = Buffer.alloc(0);
/** The uuid that Kafka writes for "none". */
export const ZERO_UUID = "AAAAAAAAAAAAAAAAAAAAAA";

function inRange(range: string | undefined, version: number): boolean {
  if (range === undefined) return true;
  if (range.endsWith("+")) return version >= Number(range.slice(0, -1));
  const [from, to] = range.split("-");
  return version >= Number(from) && version <= Number(to);
}

function fallbackOf(type: string, isList: boolean, nullable: boolean, text: string | undefined): unknown {
  if (text === "null") return null;
  if (text === undefined) {
    if (nullable) return null;
    if (isList) return [];
  }
  if (NUMBERS.has(type)) return Number(text ?? 0);
  if (type === "bool") return text === "true";
  if (type === "string") return text ?? "";
  if (type === "uuid") return ZERO_UUID;
  if (type === "bytes" || type === "records") return NO_BYTES;
  throw new Error(`a message table names the unknown type "${type}"`);
}

/** Reads one field of a table for one version. Throws on a text that is not of the form above: a mistake in a table, not in a message. */
export function resolveField(name: string, spec: FieldSpec, version: number): ResolvedField {
  if (typeof spec !== "string") {
    const nullable = spec.nullable === true || (spec.nullable !== undefined && inRange(spec.nullable, version));
    const isArray = "array" in spec;
    return {
      name,
      scalar: null,
      fields: isArray ? spec.array : spec.struct,
      isArray,
      present: inRange(spec.versions, version),
      nullable,
      tag: spec.tag ?? null,
      fallback: spec.nullable === true ? null : isArray ? [] : undefined,
    };
  }
  const parts = TEXT.exec(spec)?.groups;
  if (!parts?.type) throw new Error(`a message table has an unreadable field: ${name}: "${spec}"`);
  const always = parts.nullable === "?";
  const isArray = parts.list !== undefined;
  return {
    name,
    scalar: parts.type as ScalarName,
    fields: null,
    isArray,
    present: inRange(parts.versions, version),
    nullable: always || (parts.nulls !== undefined && inRange(parts.nulls, version)),
    tag: parts.tag === undefined ? null : Number(parts.tag),
    fallback: fallbackOf(parts.type, isArray, always, parts.value),
  };
}
