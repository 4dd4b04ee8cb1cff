import { serialize, type Document } from "bson";
import { BSON, buildDocument } from "../bson/raw.ts";
import { decodeTyped } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import { compileFilter } from "../query/matcher.ts";
import { compileProjection } from "../query/projection.ts";
import { checkName } from "../storage/catalog.ts";
import { modify, readModification, upsertDocument } from "../update/modify.ts";
import { bodyElement, collectionName, subDocumentOf, wantsSync, type Command, type CommandContext } from "./command.ts";
import { readMatchOptions } from "./command-options.ts";
import { insertDocument, refuseView, replaceStored, select } from "./stored-writes.ts";

type Outcome = { readonly value: Buffer | undefined; readonly lastErrorObject: Document };

/** findAndModify: one document, removed or updated (or upserted), given back as it was or, with `new`, as it is. */
const findAndModify: Command = {
  name: "findAndModify",
  run: async (context) => {
    const name = collectionName(context);
    checkName(context.database, name);
    const { body } = context;
    const isOn = (value: unknown): boolean => value === true || (typeof value === "number" && value !== 0);
    const removes = isOn(body.remove);
    if (removes && body.update !== undefined) throw new CommandFailure("FailedToParse", "Cannot specify both an update and remove=true");
    if (removes && isOn(body.upsert)) throw new CommandFailure("FailedToParse", " Cannot specify both upsert=true and remove=true ");
    if (removes && isOn(body.new))
      throw new CommandFailure(
        "FailedToParse",
        " Cannot specify both new=true and remove=true; 'remove' always returns the deleted document",
      );
    if (removes && body.arrayFilters !== undefined)
      throw new CommandFailure("FailedToParse", "Cannot specify arrayFilters and remove=true");
    if (!removes && body.update === undefined)
      throw new CommandFailure("FailedToParse", "Either an update or remove=true must be specified");
    const project = compileProjection(subDocumentOf(context, "fields"), {
      filter: subDocumentOf(context, "query") ?? {},
      match: readMatchOptions(body),
    });
    const outcome = await context.state.file.write(() => run(context, name, removes, isOn(body.upsert), isOn(body.new)), {
      sync: wantsSync(body),
    });
    const rest = serialize({ lastErrorObject: outcome.lastErrorObject, ok: 1 });
    const shown = outcome.value && project ? project(outcome.value) : outcome.value;
    const value = shown ? Buffer.concat([Buffer.from("\u0003value\0", "latin1"), shown]) : Buffer.from("\u000avalue\0", "latin1");
    return buildDocument([value, rest.subarray(4, rest.length - 1)]);
  },
};

function run(context: CommandContext, name: string, removes: boolean, upserts: boolean, givesNew: boolean): Outcome {
  const { catalog, clock } = context.state;
  const { body } = context;
  const collection = catalog.find(context.database, name);
  refuseView(collection);
  const filter = subDocumentOf(context, "query") ?? {};
  const match = readMatchOptions(body);
  const [stored] = collection
    ? select(collection, filter, { limit: 1, sort: subDocumentOf(context, "sort"), hint: body.hint as unknown, match })
    : [];
  if (!stored) compileFilter(filter, match);
  if (removes) {
    if (!stored || !collection) return { value: undefined, lastErrorObject: { n: 0 } };
    collection.remove(stored);
    return { value: stored.document, lastErrorObject: { n: 1 } };
  }
  const element = bodyElement(context, "update");
  if (!element || (element.type !== BSON.object && element.type !== BSON.array))
    throw new CommandFailure("FailedToParse", "Update argument must be either an object or an array");
  const modification = readModification(context.request.bytes.subarray(element.start, element.end) as Buffer, element.type === BSON.array);
  if (body.arrayFilters !== undefined && modification.kind !== "operators")
    throw new CommandFailure("FailedToParse", `arrayFilters may not be specified for ${modification.kind}-style updates`);
  const options = { filter, arrayFilters: (body.arrayFilters ?? []) as unknown[], match, nowMs: clock.nowMs() };
  const bypassValidation = body.bypassDocumentValidation === true;
  if (stored && collection) {
    const document = modify(stored.document, modification, options);
    if (!document.equals(stored.document)) replaceStored(collection, stored, document, bypassValidation);
    return { value: givesNew ? document : stored.document, lastErrorObject: { n: 1, updatedExisting: true } };
  }
  if (!upserts) return { value: undefined, lastErrorObject: { n: 0, updatedExisting: false } };
  const query = bodyElement(context, "query");
  const filterBytes = query ? (context.request.bytes.subarray(query.start, query.end) as Buffer) : buildDocument([]);
  const made = upsertDocument(filterBytes, modification, options);
  const document = insertDocument(catalog.findOrCreate(context.database, name), made, bypassValidation);
  return {
    value: givesNew ? document : undefined,
    lastErrorObject: { n: 1, updatedExisting: false, upserted: decodeTyped(document)._id as unknown },
  };
}

export const findAndModifyCommands: readonly Command[] = [findAndModify, { ...findAndModify, name: "findandmodify" }];
