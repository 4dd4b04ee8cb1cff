import { serialize, type Document } from "bson";
import { BSON, buildDocument } from "../bson/raw.ts";
import { decodeDocument } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import { compileProjection } from "../query/projection.ts";
import { modify, readModification, upsertDocument } from "../update/modify.ts";
import { bodyElement, collectionName, subDocumentOf, wantsSync, type Command, type CommandContext } from "./command.ts";
import { insertDocument, replaceStored, select } from "./write.ts";

type Outcome = { readonly value: Buffer | undefined; readonly lastErrorObject: Document };

/** findAndModify: one document, removed or updated (or upserted), given back as it was or, with `new`, as it is. */
const findAndModify: Command = {
  name: "findAndModify",
  run: async (context) => {
    const name = collectionName(context);
    const { body } = context;
    if (body.remove === true && (body.update !== undefined || body.upsert === true || body.new === true))
      throw new CommandFailure("FailedToParse", "Cannot specify both an update and remove=true, nor new or upsert with remove");
    if (body.remove !== true && body.update === undefined)
      throw new CommandFailure("FailedToParse", "Either an update or remove=true must be specified");
    const project = compileProjection(subDocumentOf(context, "fields"));
    const outcome = await context.state.file.write(() => run(context, name), { sync: wantsSync(body) });
    const rest = serialize({ lastErrorObject: outcome.lastErrorObject, ok: 1 });
    const shown = outcome.value && project ? project(outcome.value) : outcome.value;
    const value = shown ? Buffer.concat([Buffer.from("\u0003value\0", "latin1"), shown]) : Buffer.from("\u000avalue\0", "latin1");
    return buildDocument([value, rest.subarray(4, rest.length - 1)]);
  },
};

function run(context: CommandContext, name: string): Outcome {
  const { catalog } = context.state;
  const { body } = context;
  const collection = catalog.find(context.database, name);
  const filter = subDocumentOf(context, "query") ?? {};
  const [stored] = collection
    ? select(collection, filter, { limit: 1, sort: subDocumentOf(context, "sort"), hint: body.hint as unknown })
    : [];
  if (body.remove === true) {
    if (!stored || !collection) return { value: undefined, lastErrorObject: { n: 0 } };
    collection.remove(stored);
    return { value: stored.document, lastErrorObject: { n: 1 } };
  }
  const element = bodyElement(context, "update");
  if (!element || (element.type !== BSON.object && element.type !== BSON.array))
    throw new CommandFailure("FailedToParse", "update must be an object or an array");
  const modification = readModification(context.request.bytes.subarray(element.start, element.end) as Buffer, element.type === BSON.array);
  const options = { filter, arrayFilters: (body.arrayFilters ?? []) as Document[] };
  if (stored && collection) {
    const document = modify(stored.document, modification, options);
    if (!document.equals(stored.document)) replaceStored(collection, stored, document);
    return { value: body.new === true ? document : stored.document, lastErrorObject: { n: 1, updatedExisting: true } };
  }
  if (body.upsert !== true) return { value: undefined, lastErrorObject: { n: 0, updatedExisting: false } };
  const query = bodyElement(context, "query");
  const filterBytes = query ? (context.request.bytes.subarray(query.start, query.end) as Buffer) : buildDocument([]);
  const document = insertDocument(catalog.findOrCreate(context.database, name), upsertDocument(filterBytes, modification, options));
  return {
    value: body.new === true ? document : undefined,
    lastErrorObject: { n: 1, updatedExisting: false, upserted: decodeDocument(document)._id as unknown },
  };
}

export const findAndModifyCommands: readonly Command[] = [findAndModify, { ...findAndModify, name: "findandmodify" }];
