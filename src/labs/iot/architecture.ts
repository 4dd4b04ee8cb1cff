import type { Architecture } from "../../charts/architecture.ts";
import { IOT } from "./names.ts";

/** The pipeline of the IoT lab (A2) for the picture, before any run: what there is, without addresses and rates. */
export const IOT_ARCHITECTURE: Architecture = {
  generator: { title: "Sensor generator", details: ["readings as JSON, key sensor_id", "idempotent, acks=all"] },
  broker: { title: "Kafka", details: ["the log of all readings"], topic: IOT.topic, partitions: IOT.partitions },
  engine: {
    title: "Structured Streaming",
    details: [`micro-batches, watermark of ${IOT.watermark}, checkpoints`],
    queries: [
      {
        title: IOT.metricsQuery,
        details: [`windows of ${IOT.windowSize}, slide ${IOT.windowSlide}`, "by type and location", "update mode"],
        collection: IOT.metricsCollection,
      },
      {
        title: IOT.alertsQuery,
        details: ["readings with status anomaly", "CRITICAL, WARNING, INFO", "append mode"],
        collection: IOT.alertsCollection,
      },
    ],
  },
  store: { title: "MongoDB", details: [`database ${IOT.database}`] },
  dashboard: { title: "Dashboard", details: ["two graphs, pushed to the page"] },
  monitor: { title: "Monitor", details: ["rates, latency, lag, resources"] },
};
