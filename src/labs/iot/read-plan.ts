import type { Db, Document, Sort } from "mongodb";

/** How a server means to answer a read: its plan's stages from the outermost inwards, and the index that serves it, null for a scan. */
export interface ReadPlan {
  readonly stages: readonly string[];
  readonly index: string | null;
}

/** Asks the server for its plan of "the first `limit` by `sort`" (the dashboard's reads, A10) without running it. */
export async function readPlan(db: Db, collection: string, sort: Sort, limit: number = 100): Promise<ReadPlan> {
  return planStages(await db.collection(collection).find().sort(sort).limit(limit).explain("queryPlanner"));
}

/** The winning plan of an explain document: SORT over COLLSCAN without an index, FETCH over IXSCAN with one. */
export function planStages(explained: Document): ReadPlan {
  const stages: string[] = [];
  let index: string | null = null;
  let stage = winningPlan(explained);
  while (stage) {
    if (typeof stage.stage === "string") stages.push(stage.stage);
    if (typeof stage.indexName === "string") index = stage.indexName;
    stage = stage.inputStage as Document | undefined;
  }
  return { stages, index };
}

/** MongoDB's slot-based engine puts the readable plan one level deeper. */
function winningPlan(explained: Document): Document | undefined {
  const winning = (explained.queryPlanner as Document | undefined)?.winningPlan as Document | undefined;
  return (winning?.queryPlan as Document | undefined) ?? winning;
}
