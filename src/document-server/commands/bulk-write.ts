import { Long, type Document } from "bson";
import { BSON, documentSize, elementsOf, findElement, nameOf } from "../bson/raw.ts";
import { decodeDocument, encodeDocument } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import type { MatchOptions } from "../query/matcher.ts";
import { checkName } from "../storage/catalog.ts";
import { documentOffsets, wantsSync, type Command, type CommandContext } from "./command.ts";
import { readMatchOptions, withCollation } from "./command-options.ts";
import { readingOf } from "./find.ts";
import { insertDocument, refuseView } from "./stored-writes.ts";
import { readUpdateOperation, runUpdate } from "./update-operation.ts";
import { removeMatching } from "./write.ts";

const MAX_BULK = 100_000;
const CURSOR_NAMESPACE = "admin.$cmd.bulkWrite";

type Namespace = { readonly database: string; readonly name: string };

type Totals = { nErrors: number; nInserted: number; nMatched: number; nModified: number; nUpserted: number; nDeleted: number };

function readNamespaces(context: CommandContext): Namespace[] {
  const { bytes } = context.request;
  return documentOffsets(context, "nsInfo").map((at) => {
    const { ns } = decodeDocument(bytes.subarray(at, at + documentSize(bytes, at)));
    if (typeof ns !== "string")
      throw new CommandFailure("TypeMismatch", "BSON field 'bulkWrite.nsInfo.ns' is the wrong type, expected type 'string'");
    const dot = ns.indexOf(".");
    if (dot < 1) throw new CommandFailure("InvalidNamespace", `Invalid namespace specified for bulkWrite: '${ns}'`);
    const namespace = { database: ns.slice(0, dot), name: ns.slice(dot + 1) };
    checkName(namespace.database, namespace.name);
    return namespace;
  });
}

/** bulkWrite of MongoDB 8.0: inserts, updates and deletes in collections of several databases, answered one by one through a cursor. */
const bulkWrite: Command = {
  name: "bulkWrite",
  run: async (context) => {
    const { body, state, database } = context;
    if (database !== "admin") throw new CommandFailure("Unauthorized", "bulkWrite may only be run against the admin database.");
    const offsets = documentOffsets(context, "ops");
    if (offsets.length === 0 || offsets.length > MAX_BULK)
      throw new CommandFailure("InvalidLength", `Write batch sizes must be between 1 and ${MAX_BULK}. Got ${offsets.length} operations.`);
    const namespaces = readNamespaces(context);
    const match = readMatchOptions(body, undefined);
    const errorsOnly = body.errorsOnly === true;
    const totals: Totals = { nErrors: 0, nInserted: 0, nMatched: 0, nModified: 0, nUpserted: 0, nDeleted: 0 };
    const results = await state.file.write(
      () => {
        const answers: Buffer[] = [];
        for (const [idx, at] of offsets.entries()) {
          const answer = answerTo(context, at, idx, namespaces, match, totals);
          if (answer.ok === 0 || !errorsOnly) answers.push(encodeDocument(answer));
          if (answer.ok === 0 && body.ordered !== false) break;
        }
        return answers;
      },
      { sync: wantsSync(body) },
    );
    const batchSize = (body.cursor as Document | undefined)?.batchSize as number | undefined;
    const batch = await state.cursors.open(
      { namespace: CURSOR_NAMESPACE, steps: results.values(), ...ownerOf(context) },
      readingOf(context, batchSize ?? results.length + 1),
    );
    return {
      cursor: { id: Long.fromBigInt(batch.cursorId), firstBatch: batch.documents.map((one) => decodeDocument(one)), ns: CURSOR_NAMESPACE },
      ...totals,
      ok: 1,
    };
  },
};

function ownerOf(context: CommandContext): { readonly session: string | undefined; readonly user: string | undefined } {
  const { session, user } = readingOf(context, undefined);
  return { session, user };
}

function answerTo(
  context: CommandContext,
  at: number,
  idx: number,
  namespaces: readonly Namespace[],
  match: MatchOptions,
  totals: Totals,
): Document {
  try {
    return { ok: 1, idx, ...runOne(context, at, namespaces, match, totals) };
  } catch (thrown) {
    if (!(thrown instanceof CommandFailure)) throw thrown;
    totals.nErrors++;
    return { ok: 0, idx, n: 0, code: thrown.code, ...thrown.extra, errmsg: thrown.message };
  }
}

function runOne(context: CommandContext, at: number, namespaces: readonly Namespace[], match: MatchOptions, totals: Totals): Document {
  const { bytes } = context.request;
  const { catalog, clock } = context.state;
  const kind = elementsOf(bytes, at)[0];
  const name = kind ? nameOf(bytes, kind) : "";
  const operation = decodeDocument(bytes.subarray(at, at + documentSize(bytes, at)));
  const namespace = namespaces[Number(operation[name])];
  if (!namespace) throw new CommandFailure("BadValue", `BulkWrite ops entry has an invalid nsInfo index: ${String(operation[name])}`);
  const existing = catalog.find(namespace.database, namespace.name);
  const bypassValidation = context.body.bypassDocumentValidation === true;
  const create = (): ReturnType<typeof catalog.findOrCreate> => catalog.findOrCreate(namespace.database, namespace.name);
  switch (name) {
    case "insert": {
      const document = findElement(bytes, at, Buffer.from("document"));
      if (document?.type !== BSON.object)
        throw new CommandFailure("Location40414", "BSON field 'bulkWrite.ops.document' is missing but a required field");
      insertDocument(create(), bytes.subarray(document.start, document.end) as Buffer, bypassValidation);
      totals.nInserted++;
      return { n: 1 };
    }
    case "update": {
      const outcome = runUpdate(readUpdateOperation(bytes, at, "bulkWrite", match), {
        existing,
        create,
        bypassValidation,
        nowMs: clock.nowMs(),
      });
      totals.nMatched += outcome.matched;
      totals.nModified += outcome.modified;
      if (outcome.upserted) totals.nUpserted++;
      return {
        n: outcome.matched + (outcome.upserted ? 1 : 0),
        nModified: outcome.modified,
        ...(outcome.upserted ? { upserted: outcome.upserted } : {}),
      };
    }
    case "delete": {
      refuseView(existing);
      const n = removeMatching(
        existing,
        operation.filter as Document,
        operation.multi === true ? 0 : 1,
        operation.hint,
        withCollation(match, operation.collation),
      );
      totals.nDeleted += n;
      return { n };
    }
    default:
      throw new CommandFailure("FailedToParse", `Unrecognized bulkWrite operation: ${name}`);
  }
}

export const bulkWriteCommands: readonly Command[] = [bulkWrite];
