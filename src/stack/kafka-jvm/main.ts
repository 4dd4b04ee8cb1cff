import { parseArgs } from "node:util";
import { runAsService } from "../../base/own-process.ts";
import { projectRoot } from "../../base/project.ts";
import { cacheFolder } from "../state-folder.ts";
import { startKafkaCluster } from "./kafka-cluster.ts";

/** Apache Kafka as a service: `--nodes <n> --port <n> --data <folder>`. It has ended when one of its nodes has; who started it may start it again. */
await runAsService(async (stopping) => {
  const { values } = parseArgs({
    options: { nodes: { type: "string", default: "1" }, port: { type: "string", default: "9092" }, data: { type: "string", default: "." } },
  });
  const nodes = Number(values.nodes);
  const cluster = await startKafkaCluster({
    folder: values.data,
    cache: cacheFolder(projectRoot),
    nodes,
    port: Number(values.port),
    heapMiB: nodes === 1 ? 512 : 384,
    signal: stopping,
  });
  const ended = new Promise<void>((resolve) => {
    for (const node of cluster.nodes) node.onEnd(() => resolve());
  });
  return {
    ready: { host: "127.0.0.1", port: Number(values.port), address: cluster.address, pids: cluster.nodes.map(({ pid }) => pid) },
    ended,
    close: () => cluster.stop(),
  };
});
