import type { Clock } from "../../base/clock.ts";
import type { StreamingQueryProgress } from "../../engine/query/progress.ts";
import type { KafkaClient } from "../../kafka/connect-kafka.ts";
import { IOT } from "./names.ts";

/** Knows from progress events how far each query has stored the topic. */
export interface DrainTracker {
  progress(event: StreamingQueryProgress): void;
  /** Resolves with true once every query has stored all that the topic holds now, with false after `timeoutMs`. */
  drained(timeoutMs: number): Promise<boolean>;
}

type PartitionEnds = Readonly<Record<string, number>>;

/** A tracker of the lab's two queries over one topic. */
export function createDrainTracker(kafka: KafkaClient, topic: string, clock: Clock): DrainTracker {
  const reached = new Map<string, PartitionEnds>();
  let wake: (() => void) | undefined;
  return {
    progress: (event) => {
      const ends = (event.sources[0]?.endOffset as Readonly<Record<string, PartitionEnds>> | null)?.[topic];
      if (ends) reached.set(event.name ?? event.id, ends);
      wake?.();
    },
    drained: async (timeoutMs) => {
      const ends = (await kafka.topics.offsets(topic)).filter(({ latest }) => latest > 0);
      const behind = (): boolean =>
        [IOT.metricsQuery, IOT.alertsQuery].some((query) =>
          ends.some(({ partition, latest }) => (reached.get(query)?.[partition] ?? 0) < latest),
        );
      const timeout = new AbortController();
      const expired = clock.sleep(timeoutMs, timeout.signal).then(
        () => "expired" as const,
        () => "expired" as const,
      );
      try {
        while (behind()) {
          const progressed = new Promise<"progress">((resolve) => (wake = () => resolve("progress")));
          if ((await Promise.race([progressed, expired])) === "expired") return false;
        }
        return true;
      } finally {
        timeout.abort();
      }
    },
  };
}
