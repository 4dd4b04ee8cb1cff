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
  type RowInput,
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
  type DriftEntry,
  type DriftReport,
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

// Functions on columns
export { callFunction, expr, interval, lit } from "./engine/functions/api/literals.ts";
export {
  assertTrue,
  coalesce,
  equalNull,
  greatest,
  ifnull,
  isnan,
  isnotnull,
  isnull,
  least,
  nanvl,
  nullif,
  nullifzero,
  nvl,
  nvl2,
  raiseError,
  typeOf,
  when,
  zeroifnull,
} from "./engine/functions/api/conditionals.ts";
export {
  abs,
  acos,
  acosh,
  asin,
  asinh,
  atan,
  atan2,
  atanh,
  bin,
  bround,
  cbrt,
  ceil,
  ceiling,
  conv,
  cos,
  cosh,
  cot,
  csc,
  degrees,
  e,
  exp,
  expm1,
  factorial,
  floor,
  hypot,
  ln,
  log,
  log10,
  log1p,
  log2,
  mod,
  negative,
  pi,
  pmod,
  positive,
  pow,
  power,
  radians,
  rand,
  randn,
  random,
  rint,
  round,
  sec,
  sign,
  signum,
  sin,
  sinh,
  sqrt,
  tan,
  tanh,
  tryAdd,
  tryDivide,
  tryMod,
  tryMultiply,
  trySubtract,
  widthBucket,
} from "./engine/functions/api/math.ts";
export { bitCount, bitGet, bitwiseNot, getbit, shiftleft, shiftright, shiftrightunsigned } from "./engine/functions/api/bits.ts";
export {
  ascii,
  bitLength,
  btrim,
  char,
  charLength,
  characterLength,
  chr,
  concat,
  concatWs,
  contains,
  elt,
  endswith,
  findInSet,
  formatNumber,
  formatString,
  initcap,
  instr,
  lcase,
  left,
  len,
  length,
  levenshtein,
  locate,
  lower,
  lpad,
  ltrim,
  luhnCheck,
  mask,
  octetLength,
  overlay,
  position,
  printf,
  quote,
  repeat,
  replace,
  reverse,
  right,
  rpad,
  rtrim,
  soundex,
  space,
  splitPart,
  startswith,
  substr,
  substring,
  substringIndex,
  translate,
  trim,
  ucase,
  upper,
} from "./engine/functions/api/text.ts";
export {
  ilike,
  like,
  regexp,
  regexpCount,
  regexpExtract,
  regexpExtractAll,
  regexpInstr,
  regexpLike,
  regexpReplace,
  regexpSubstr,
  rlike,
  split,
} from "./engine/functions/api/patterns.ts";
export {
  base64,
  crc32,
  decode,
  encode,
  hash,
  hex,
  isValidUtf8,
  md5,
  sha,
  sha1,
  sha2,
  tryUrlDecode,
  unbase64,
  unhex,
  urlDecode,
  urlEncode,
  xxhash64,
} from "./engine/functions/api/bytes.ts";
export {
  addMonths,
  curdate,
  currentDate,
  dateAdd,
  dateDiff,
  dateFormat,
  dateFromUnixDate,
  datePart,
  dateSub,
  dateadd,
  datediff,
  datepart,
  day,
  dayname,
  dayofmonth,
  dayofweek,
  dayofyear,
  lastDay,
  makeDate,
  month,
  monthname,
  monthsBetween,
  nextDay,
  quarter,
  toDate,
  trunc,
  tryToDate,
  unixDate,
  weekday,
  weekofyear,
  year,
} from "./engine/functions/api/dates.ts";
export {
  currentTimestamp,
  dateTrunc,
  fromUnixtime,
  fromUtcTimestamp,
  hour,
  makeTimestamp,
  makeTimestampLtz,
  minute,
  now,
  second,
  timestampMicros,
  timestampMillis,
  timestampSeconds,
  toTimestamp,
  toUnixTimestamp,
  toUtcTimestamp,
  tryMakeTimestamp,
  tryToTimestamp,
  unixMicros,
  unixMillis,
  unixSeconds,
  unixTimestamp,
} from "./engine/functions/api/instants.ts";
export { sessionWindow, window, windowTime } from "./engine/functions/api/windows.ts";
export {
  array,
  arrayAppend,
  arrayCompact,
  arrayContains,
  arrayDistinct,
  arrayExcept,
  arrayInsert,
  arrayIntersect,
  arrayJoin,
  arrayMax,
  arrayMin,
  arrayPosition,
  arrayPrepend,
  arrayRemove,
  arrayRepeat,
  arraySize,
  arraySort,
  arrayUnion,
  arraysOverlap,
  arraysZip,
  cardinality,
  elementAt,
  explode,
  explodeOuter,
  flatten,
  get,
  inline,
  inlineOuter,
  posexplode,
  posexplodeOuter,
  sequence,
  size,
  slice,
  sortArray,
  tryElementAt,
} from "./engine/functions/api/arrays.ts";
export {
  aggregate,
  exists,
  filter,
  forall,
  mapFilter,
  reduce,
  transform,
  transformKeys,
  transformValues,
  zipWith,
} from "./engine/functions/api/higher-order.ts";
export {
  map,
  mapConcat,
  mapContainsKey,
  mapEntries,
  mapFromArrays,
  mapFromEntries,
  mapKeys,
  mapValues,
  namedStruct,
  strToMap,
} from "./engine/functions/api/maps.ts";
export {
  fromCsv,
  fromJson,
  getJsonObject,
  jsonArrayLength,
  jsonObjectKeys,
  schemaOfCsv,
  schemaOfJson,
  toCsv,
  toJson,
  type JsonOptions,
} from "./engine/functions/api/json.ts";
export {
  any,
  anyValue,
  arrayAgg,
  avg,
  bitAnd,
  bitOr,
  bitXor,
  boolAnd,
  boolOr,
  collectList,
  collectSet,
  count,
  countDistinct,
  countIf,
  every,
  first,
  firstValue,
  last,
  lastValue,
  max,
  maxBy,
  mean,
  min,
  minBy,
  mode,
  some,
  sum,
  tryAvg,
  trySum,
} from "./engine/functions/api/aggregates.ts";
export {
  approxCountDistinct,
  approxPercentile,
  corr,
  covarPop,
  covarSamp,
  kurtosis,
  median,
  percentile,
  percentileApprox,
  regrAvgx,
  regrAvgy,
  regrCount,
  regrIntercept,
  regrR2,
  regrSlope,
  regrSxx,
  regrSxy,
  regrSyy,
  skewness,
  std,
  stddev,
  stddevPop,
  stddevSamp,
  varPop,
  varSamp,
  variance,
} from "./engine/functions/api/statistics.ts";

// Types of columns
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
