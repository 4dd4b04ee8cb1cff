/** The public names of the product, one by one: for programs and notebooks alike. */

// Notebooks
export { backgroundErrors } from "./notebook/background-errors.ts";
export { cellSignal } from "./notebook/cell-signal.ts";
export { check, checkEqual, exercise } from "./notebook/check.ts";
export { dataFrame, type DataFrameOptions } from "./notebook/data-frame.ts";
export { liveDisplay, show, type LiveDisplay, type MimeBundle } from "./notebook/display.ts";
export { notebookParameters, type NotebookProfile } from "./notebook/parameters.ts";
export { showTable, type TableOptions, type TableRow } from "./notebook/table.ts";
export { drawFigure, type DrawnFigure, type Figure } from "./charts/figure.ts";

// The engine: sessions, queries, columns
export { createSession } from "./labs/session.ts";
export {
  AnalysisError,
  CheckpointError,
  DataFrame,
  DataFrameWriter,
  Observation,
  QueryExecutionError,
  StreamingQuery,
  StreamingQueryError,
  UnsupportedQueryError,
  prettyProgressJson,
  progressJson,
  type AnyRow,
  type Block,
  type DataType,
  type DeadLetterRow,
  type ExplainMode,
  type ForeachWriter,
  type Format,
  type JsonRow,
  type MemoryStream,
  type Offset,
  type OutputMode,
  type Plan,
  type RecordBlock,
  type Row,
  type SaveMode,
  type Session,
  type SessionOptions,
  type Sink,
  type SinkBatch,
  type Source,
  type StreamingQueryListener,
  type StreamingQueryProgress,
  type StructType,
  type Wait,
  type WhyDeadline,
  type WhyNextBatch,
  type WhyRow,
  type UserColumnFunction,
  type UserFunction,
  type UserFunctionOptions,
  type UserFunctions,
  type WhyStep,
  type WhyWindow,
} from "./engine/index.ts";
export { Column, col, type ColumnsOf } from "./engine/columns/column.ts";
export {
  abs,
  acos,
  addMonths,
  anyValue,
  approxCountDistinct,
  array,
  arrayContains,
  arrayDistinct,
  arrayJoin,
  asin,
  atan,
  atan2,
  avg,
  base64,
  boolAnd,
  boolOr,
  bround,
  callFunction,
  ceil,
  coalesce,
  collectList,
  collectSet,
  concat,
  concatWs,
  corr,
  cos,
  count,
  countDistinct,
  countIf,
  covarPop,
  covarSamp,
  currentDate,
  currentTimestamp,
  dateAdd,
  dateFormat,
  dateSub,
  dateTrunc,
  datediff,
  day,
  dayofmonth,
  dayofweek,
  dayofyear,
  elementAt,
  exp,
  explode,
  explodeOuter,
  first,
  floor,
  formatString,
  fromCsv,
  fromJson,
  fromUnixtime,
  get,
  getJsonObject,
  greatest,
  hex,
  hour,
  initcap,
  instr,
  interval,
  kurtosis,
  last,
  lastDay,
  least,
  length,
  lit,
  ln,
  locate,
  log10,
  log2,
  lower,
  lpad,
  ltrim,
  map,
  mapKeys,
  mapValues,
  max,
  maxBy,
  md5,
  mean,
  median,
  min,
  minBy,
  minute,
  month,
  monthsBetween,
  namedStruct,
  nanvl,
  nullif,
  percentile,
  pmod,
  pow,
  quarter,
  regexpExtract,
  regexpExtractAll,
  regexpReplace,
  repeat,
  replace,
  reverse,
  round,
  rpad,
  rtrim,
  second,
  sessionWindow,
  sha2,
  signum,
  sin,
  size,
  skewness,
  slice,
  sortArray,
  split,
  sqrt,
  stddev,
  stddevPop,
  substring,
  substringIndex,
  sum,
  tan,
  timestampMicros,
  timestampMillis,
  timestampSeconds,
  toDate,
  toJson,
  toTimestamp,
  translate,
  trim,
  trunc,
  tryAdd,
  tryDivide,
  tryMultiply,
  trySubtract,
  tryToTimestamp,
  unixMicros,
  unixMillis,
  unixSeconds,
  unixTimestamp,
  upper,
  varPop,
  variance,
  weekday,
  weekofyear,
  when,
  window,
  windowTime,
  year,
} from "./engine/functions/functions.ts";
export {
  arrayOf,
  bigint,
  binary,
  boolean,
  date,
  decimal,
  double,
  float,
  int,
  mapOf,
  smallint,
  string,
  struct,
  timestamp,
  tinyint,
  type Long,
  type RowOf,
  type Schema,
  type Timestamp,
} from "./engine/types/schema-builder.ts";

// Generators
export {
  SENSOR_LOCATIONS,
  SENSOR_TYPES,
  createSensorGenerator,
  createSensorRecords,
  encodeSensorReading,
  type SensorReading,
} from "./generators/sensors.ts";
export { runGenerator, type GeneratorProgress, type GeneratorTotals } from "./generators/run-generator.ts";
export { spoil, type SpoilOptions } from "./generators/spoil.ts";
export { parseDurationUs } from "./base/duration.ts";
export { systemClock, ManualClock, type Clock } from "./base/clock.ts";

// Kafka and MongoDB
export { connectKafka, type KafkaClient } from "./kafka/connect-kafka.ts";
export { connectMongo } from "./mongo/connect-mongo.ts";
export { latestAlerts, latestMetrics, type AnomalyAlert, type SensorMetric } from "./mongo/reads.ts";

// Servers
export { startLabServers, type LabServers } from "./labs/lab-servers.ts";
export { chooseBackends, type Backends } from "./stack/backends.ts";
export { examine, type Finding } from "./stack/doctor.ts";

// The IoT lab
export { IOT } from "./labs/iot/names.ts";
export { IOT_ARCHITECTURE } from "./labs/iot/architecture.ts";
export { prepareCollections, prepareTopic } from "./labs/iot/infrastructure.ts";
export {
  anomalyAlerts,
  readSensorData,
  sensorMetrics,
  sensorReading,
  writeAnomalyAlerts,
  writeSensorMetrics,
  type SensorReadingRow,
} from "./labs/iot/queries.ts";
export { compareWindows, recountReadings } from "./labs/iot/recount.ts";
export { recountTopic } from "./labs/iot/topic-recount.ts";
export { startIotPipeline, type IotPipeline } from "./labs/iot/pipeline.ts";
export { startFreshPipeline, type FreshPipelineOptions } from "./labs/iot/fresh-pipeline.ts";
export { runIotLab, type IotRun } from "./labs/iot/run.ts";
export { askDashboard, type DashboardEvidence } from "./labs/iot/evidence.ts";
export { readPlan, type ReadPlan } from "./labs/iot/read-plan.ts";

// Figures, dashboard, report, grade
export { alertsFigure } from "./charts/alerts.ts";
export { batchDurationFigure } from "./charts/batch-duration.ts";
export { latencyDistributionFigure, latencyFigure } from "./charts/latency.ts";
export { resourcesFigure } from "./charts/resources.ts";
export { batchDurationPoints, latencyPoints, resourcePoints, statePoints, throughputPoints } from "./charts/series-points.ts";
export { stateFigure } from "./charts/state.ts";
export { throughputFigure } from "./charts/throughput.ts";
export { windowsFigure } from "./charts/windows.ts";
export { drawArchitecture } from "./charts/architecture.ts";
export { startDashboard, type Dashboard } from "./dashboard/dashboard.ts";
export { grade } from "./report/grade.ts";
export { gradeText } from "./report/grade-text.ts";
export { figuresOf } from "./report/figures.ts";
export { iotRunRecord } from "./report/iot-record.ts";
export { readRunRecord, writeRunRecord, type RunRecord } from "./report/run-record.ts";
export { writeReport } from "./report/write-report.ts";
