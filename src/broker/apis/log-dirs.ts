import path from "node:path";
import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { describeLogDirsApi } from "../../kafka-protocol/messages/describe-log-dirs.ts";
import { handlerOf, type ApiHandler } from "../api-handler.ts";
import { MEMORY_FOLDER } from "../journal.ts";

/** DescribeLogDirs: the one folder, with the bytes of each partition that was asked for; all where none was named. */
export const describeLogDirsHandler: ApiHandler = handlerOf(describeLogDirsApi, [1, 4], async (body, { broker }) => {
  const { catalog, settings } = broker;
  const asked = body.topics && new Map(body.topics.map(({ topic, partitions }) => [topic, new Set(partitions)]));
  const topics = catalog.list().flatMap(({ name, partitions }) => {
    const wanted = asked?.get(name);
    if (asked && !wanted) return [];
    const shown = partitions.flatMap((log, partitionIndex) =>
      wanted && !wanted.has(partitionIndex) ? [] : [{ partitionIndex, partitionSize: log.sizeBytes, offsetLag: 0, isFutureKey: false }],
    );
    return shown.length > 0 ? [{ name, partitions: shown }] : [];
  });
  const space = await catalog.space().catch(() => ({ totalBytes: -1, usableBytes: -1 }));
  const logDir = settings.logFolder === MEMORY_FOLDER ? MEMORY_FOLDER : path.resolve(settings.logFolder);
  return { throttleTimeMs: 0, errorCode: errorCodes.NONE, results: [{ errorCode: errorCodes.NONE, logDir, topics, ...space }] };
});
