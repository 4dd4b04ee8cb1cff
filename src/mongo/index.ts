export { connectMongo, type ConnectMongoOptions } from "./connect-mongo.ts";
export { MongoError, type MongoFailureCode } from "./mongo-error.ts";
export { mongodbFormat, openMongoSink } from "./sink.ts";
export { ANOMALY_ALERTS, LAB_INDEXES, SENSOR_METRICS, ensureLabIndexes } from "./indexes.ts";
export { latestAlerts, latestMetrics, type AnomalyAlert, type SensorMetric } from "./reads.ts";
