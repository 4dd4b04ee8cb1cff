import { CommandFailure } from "../failure.ts";
import { collect } from "../operation.ts";
import { compileFilter } from "../query/matcher.ts";
import { scanSteps } from "../query/scan.ts";
import type { Collection, CollectionIndex, Stored } from "../storage/collection.ts";
import type { IndexSpec } from "../storage/index-spec.ts";
import type { CommandContext } from "./command.ts";
import { planMatching } from "./stored-writes.ts";
import type { UpdateOperation } from "./update-operation.ts";

/** Beyond so many documents a write to all that match, or the building of an index, is cut into transactions, so that others get their turns. */
const LARGE = 5_000;
const SLICE = 250;

export function isLarge(collection: Collection | undefined): collection is Collection {
  return collection !== undefined && collection.cap === undefined && collection.count() > LARGE;
}

/** What a write to many looks for. */
type Wanted = Pick<UpdateOperation, "filter" | "hint" | "match">;

/**
 * Changes every document that matches, some at a time: first they are found, then each is read again and changed if it still matches. As in MongoDB a
 * reader may see some changed and others not yet, and a failure leaves those changed that were. Each is changed once.
 */
export async function changeInSlices(
  context: CommandContext,
  collection: Collection,
  wanted: Wanted,
  sync: boolean,
  change: (stored: Stored) => void,
): Promise<void> {
  const { operation, state } = context;
  const matcher = compileFilter(wanted.filter, wanted.match);
  const plan = planMatching(collection, wanted.filter, undefined, wanted.hint, wanted.match);
  const rows: number[] = [];
  await collect(scanSteps(collection, plan, matcher), operation, ({ rid }) => rows.push(rid));
  for (let at = 0; at < rows.length; at += SLICE) {
    operation.check();
    await state.file.write(
      () => {
        checkThere(collection);
        for (const rid of rows.slice(at, at + SLICE)) {
          const stored = collection.byRow(rid);
          if (stored && (matcher === undefined || matcher.matches(stored.document))) change(stored);
        }
      },
      { sync: sync && at + SLICE >= rows.length },
    );
  }
}

/**
 * Creates an index of a large collection: writes keep it up from its beginning, queries read it when it is whole. False when the same one was there.
 * A duplicate, or the end of the collection, takes it away again; so does the next start where the process ended meanwhile.
 */
export async function buildInSlices(context: CommandContext, collection: Collection, spec: IndexSpec): Promise<boolean> {
  const { catalog, file } = context.state;
  const begun = await file.write(() => {
    checkThere(collection);
    return catalog.createIndex(collection, spec, "later");
  });
  if (!begun) return false;
  const index = (): CollectionIndex => {
    checkThere(collection);
    const found = collection.indexes.find((one) => one.spec.name === spec.name && one.isBuilding);
    if (!found)
      throw new CommandFailure("IndexBuildAborted", `Index build failed: ${collection.namespace}: ${spec.name} was dropped meanwhile`);
    return found;
  };
  try {
    for (let after: number | undefined = -1; after !== undefined;) {
      const from: number = after;
      after = await file.write(() => collection.buildSome(index(), from, SLICE));
    }
    await file.write(() => catalog.finishIndex(index()));
    return true;
  } catch (thrown) {
    await file
      .write(() => {
        if (!collection.gone) catalog.dropIndex(collection, index());
      })
      .catch(() => undefined);
    throw thrown;
  }
}

function checkThere(collection: Collection): void {
  if (collection.gone) throw new CommandFailure("QueryPlanKilled", `collection ${collection.gone} meanwhile: ${collection.namespace}`);
}
