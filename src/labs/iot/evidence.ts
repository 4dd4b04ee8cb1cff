import { messageOf } from "../../base/errors.ts";
import type { PartitionOffsets } from "../../kafka/topics.ts";
import type { IotPipeline } from "./pipeline.ts";
import { IOT } from "./names.ts";
import { readPlan } from "./read-plan.ts";
import { type StoredWindow, compareWindows } from "./recount.ts";
import { type TopicRecount, recountTopic } from "./topic-recount.ts";

/** A stored alert, as read from `anomaly_alerts`. */
export interface StoredAlert {
  readonly _id: string;
  readonly timestamp: Date;
  readonly alert_type: string;
}

/** What is found in topic, collections and dashboard after a run, independently of the engine. */
export interface IotEvidence {
  readonly partitions: readonly PartitionOffsets[];
  readonly recount: TopicRecount;
  readonly windows: readonly StoredWindow[];
  /** One line per window that differs from the recount. */
  readonly differences: readonly string[];
  readonly alerts: number;
  readonly alertsByType: Readonly<Record<string, number>>;
  readonly firstAlert: StoredAlert | null;
  /** Name of the index that serves each of the dashboard's two reads; null for a scan. */
  readonly indexes: { readonly metrics: string | null; readonly alerts: string | null };
  /** What the dashboard answered; null without a dashboard. */
  readonly dashboard: DashboardEvidence | null;
}

/** What the dashboard showed when it was asked as a browser asks. */
export interface DashboardEvidence {
  readonly pageTitle: string | null;
  readonly graphs: readonly string[];
  /** The first frame of its stream, as text. */
  readonly frame: string | null;
  readonly problem: string | null;
}

/** Looks at everything that a run has left, with clients of its own. */
export async function gatherEvidence(pipeline: IotPipeline, signal: AbortSignal): Promise<IotEvidence> {
  const db = pipeline.mongo.db(pipeline.database);
  const metrics = db.collection(IOT.metricsCollection);
  const alerts = db.collection<StoredAlert>(IOT.alertsCollection);
  const recount = await recountTopic(pipeline.kafka, pipeline.topic, signal);
  const windows = (await metrics.find().sort({ "window.start": 1 }).toArray()) as unknown as StoredWindow[];
  const byType = await alerts.aggregate<{ _id: string; n: number }>([{ $group: { _id: "$alert_type", n: { $sum: 1 } } }]).toArray();
  return {
    partitions: await pipeline.kafka.topics.offsets(pipeline.topic),
    recount,
    windows,
    differences: compareWindows(recount, windows),
    alerts: await alerts.countDocuments(),
    alertsByType: Object.fromEntries(byType.map(({ _id, n }) => [_id, n])),
    firstAlert: await alerts.findOne({}, { sort: { timestamp: 1 } }),
    indexes: {
      metrics: (await readPlan(db, IOT.metricsCollection, { "window.start": -1 })).index,
      alerts: (await readPlan(db, IOT.alertsCollection, { timestamp: -1 })).index,
    },
    dashboard: pipeline.dashboard ? await askDashboard(pipeline.dashboard.url, signal) : null,
  };
}

/** Asks a dashboard as a browser does: its page, and the first frame of its stream. A problem is told, not thrown. */
export async function askDashboard(url: string, signal: AbortSignal): Promise<DashboardEvidence> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(10_000)]);
  try {
    const page = await (await fetch(url, { signal: limit })).text();
    const frame = await firstFrame(new URL("/events", url), limit);
    return {
      pageTitle: /<title>([^<]*)<\/title>/.exec(page)?.[1] ?? null,
      graphs: ["live-metrics", "anomaly-chart"].filter((id) => page.includes(`id="${id}"`)),
      frame,
      problem: null,
    };
  } catch (thrown) {
    return { pageTitle: null, graphs: [], frame: null, problem: messageOf(thrown) };
  }
}

async function firstFrame(url: URL, signal: AbortSignal): Promise<string | null> {
  const response = await fetch(url, { signal, headers: { accept: "text/event-stream" } });
  let text = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    const data = /^data: ?(.+)\n/m.exec(text)?.[1];
    if (data) return data;
  }
  return null;
}
