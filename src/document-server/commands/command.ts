import { Long, type Document } from "bson";
import { elementsOf, findElement, type RawElement } from "../bson/raw.ts";
import type { ConnectionState } from "../connection-state.ts";
import { CommandFailure } from "../failure.ts";
import type { Operation } from "../operation.ts";
import type { ServerState } from "../server-state.ts";
import type { Reply, Request } from "../wire/message.ts";
import { textOf } from "../bson/shown.ts";

/** What a command works on. `body` is the command document as plain values; `request.bytes` its bytes, where types matter. */
export type CommandContext = {
  readonly state: ServerState;
  readonly request: Request;
  readonly body: Document;
  readonly database: string;
  readonly connection: ConnectionState;
  readonly operation: Operation;
};

/** One command of the dispatch table. What it throws as CommandFailure is answered with ok: 0 and MongoDB's code. */
export type Command = {
  /** As clients send it; matched without regard to case only for isMaster. */
  readonly name: string;
  readonly run: (context: CommandContext) => Reply | Promise<Reply>;
};

/** The collection that the command's first field names. */
export function collectionName(context: CommandContext): string {
  const name = Object.values(context.body)[0] as unknown;
  if (typeof name !== "string" || name === "")
    throw new CommandFailure("InvalidNamespace", `collection name has invalid type or is empty: ${textOf(name)}`);
  return name;
}

/** Documents given with the command: as a kind-1 section, or as an array in the body. Offsets into `request.bytes`. */
export function documentOffsets(context: CommandContext, field: string): readonly number[] {
  const section = context.request.sequences.get(field);
  if (section) return section;
  const array = findElement(context.request.bytes, context.request.bodyAt, Buffer.from(field));
  if (array === undefined || array.type !== 4)
    throw new CommandFailure("Location40415", `BSON field '${Object.keys(context.body)[0]}.${field}' is missing but a required field`);
  return elementsOf(context.request.bytes, array.start).map((element) => {
    if (element.type !== 3) throw new CommandFailure("TypeMismatch", `BSON field '${field}' must be an array of objects`);
    return element.start;
  });
}

/** The bytes of a sub-document (or array) of the command, or undefined. */
export function bodyElement(context: CommandContext, field: string): RawElement | undefined {
  return findElement(context.request.bytes, context.request.bodyAt, Buffer.from(field));
}

/** A whole number given with the command, or undefined; TypeMismatch for anything else, BadValue below zero. */
export function wholeNumber(context: CommandContext, field: string): number | undefined {
  const value = context.body[field] as unknown;
  if (value === undefined || value === null) return undefined;
  const number = value instanceof Long ? value.toNumber() : value;
  if (typeof number !== "number") throw new CommandFailure("TypeMismatch", `BSON field '${field}' is the wrong type, expected a number`);
  if (number < 0) throw new CommandFailure("Location51024", `BSON field '${field}' value must be >= 0, actual value '${number}'`);
  return Math.trunc(number);
}

/** A sub-document given with the command; TypeMismatch for anything else. */
export function subDocumentOf(context: CommandContext, field: string): Document | undefined {
  const value = context.body[field] as unknown;
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "object" || Array.isArray(value))
    throw new CommandFailure("TypeMismatch", `Expected field ${field} to be of type object`);
  return value as Document;
}

/** Whether the write is to be on the disk before its answer: `writeConcern: {j: true}`, or fsync. Code 2 for more nodes than one. */
export function wantsSync(body: Document): boolean {
  const concern = (body.writeConcern ?? {}) as Document;
  if (typeof concern.w === "number" && concern.w > 1)
    throw new CommandFailure("BadValue", "cannot use 'w' > 1 when a host is not replicated");
  return concern.j === true || concern.fsync === true;
}
