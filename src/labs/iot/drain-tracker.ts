import type { Clock } from "../../base/clock.ts";
import type { Offset } from "../../engine/sources/source.ts";
import type { KafkaClient } from "../../kafka/connect-kafka.ts";
import { IOT } from "./names.ts";
import type { EngineMessage } from "./process-messages.ts";

/**
 * Knows from what the engine's process tells how far each query has stored the topic. A process that was killed after a commit may not have told
 * it; the next one in its place tells where it goes on.
 */
export interface DrainTracker {
  heard(message: EngineMessage): void;
  /** Resolves with true once every query has stored all that the topic holds now, with false after `timeoutMs`. */
  drained(timeoutMs: number): Promise<boolean>;
}

type PartitionEnds = Readonly<Record<string, number>>;

/** A tracker of the lab's two queries over one topic. */
export function createDrainTracker(kafka: KafkaClient, topic: string, clock: Clock): DrainTracker {
  const reached = new Map<string, PartitionEnds>();
  let wake: (() => void) | undefined;
  const arrived = (query: string, offset: Offset | undefined): void => {
    const ends = (offset as Readonly<Record<string, PartitionEnds>> | null | undefined)?.[topic];
    if (ends) reached.set(query, ends);
    wake?.();
  };
  return {
    heard: (message) => {
      if (message.type === "position") arrived(message.query, message.offset);
      else if (message.type === "progress")
        arrived(message.progress.name ?? message.progress.id, message.progress.sources[0]?.endOffset as Offset);
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
