/** The names and values of the IoT lab (labs.md A3, A4, A7, A9), in one place. */
export const IOT = {
  topic: "sensor-data",
  partitions: 3,
  database: "iot_analytics",
  metricsCollection: "sensor_metrics",
  alertsCollection: "anomaly_alerts",
  /** One document a second from the monitor, for the dashboard. */
  snapshotsCollection: "pipeline_snapshots",
  watermark: "5 minutes",
  windowSize: "1 minute",
  windowSlide: "30 seconds",
  metricsQuery: "metrics",
  alertsQuery: "anomalies",
} as const;
