import type { TestCase } from "./test-file.ts";

/** Folders of the specifications that are read, each judging what a server answers. */
export const FOLDERS: readonly string[] = [
  "crud/unified",
  "collection_management",
  "index_management",
  "command_monitoring",
  "run_command",
  "versioned-api",
  "read_write_concern/operation",
  "sessions",
  "retryable_reads/unified",
  "retryable_writes/unified",
  "change_streams/unified",
  "transactions/unified",
  "transactions-convenient-api/unified",
  "gridfs",
  "unified-test-format/valid-pass",
  "unified-test-format/valid-fail",
];

/** Folders left out as a whole: no server takes part in them, or none without what this one does not have. */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  atlas: "a cloud service",
  auth: "connection strings and identity providers; logins are tested beside the server",
  auth_aws: "a cloud service",
  bson_binary_vector: "what a driver encodes",
  bson_corpus: "what a driver encodes; types are tested beside the server",
  certificates: "files of other tests",
  "client-side-encryption": "a driver's encryption library",
  command_logging: "what a driver logs",
  connection_logging: "what a driver logs",
  connection_monitoring: "a driver's pool, tested without a server",
  connection_string: "a driver's parser",
  csot: "timeoutMS, which this driver no longer has",
  data_lake: "a cloud service",
  discovery_and_monitoring: "how a driver watches a topology",
  handshake: "what a driver says of itself",
  lambda: "a cloud service",
  load_balancer: "a load balancer",
  max_staleness: "a driver's choice of a replica",
  ocsp: "certificates that are asked about elsewhere",
  sdam_monitoring: "how a driver watches a topology",
  server_selection: "a driver's choice of a server",
  server_selection_logging: "what a driver logs",
  srv_seedlist: "names in a DNS",
  uri_options: "a driver's parser",
};

type Declared = { readonly file: RegExp; readonly test?: RegExp; readonly reason: string };

/** Tests that ask for what this driver does otherwise, or this server does not have. Each must fail: one that passes has to be struck out here. */
const DECLARED: readonly Declared[] = [
  { file: /^collection_management\/timeseries-collection/, reason: "time series collections are not served" },
  {
    file: /^crud\/unified\/bypassDocumentValidation/,
    test: /^(Aggregate with \$out|BulkWrite|FindOneAndReplace|FindOneAndUpdate|InsertMany) passes .*: false$/,
    reason: "the driver does not send bypassDocumentValidation: false",
  },
  {
    file: /^crud\/unified\/client-bulkWrite-partialResults/,
    test: /^partialResult is unset/,
    reason: "the driver gives an empty result where none is expected",
  },
  {
    file: /^crud\/unified\/create-null-ids/,
    test: /via (insertOne|insertMany|bulkWrite|clientBulkWrite)$/,
    reason: "the driver puts an ObjectId in the place of _id: null",
  },
  { file: /^gridfs\/download\.json/, test: /^download when final chunk is missing/, reason: "the driver does not miss the last chunk" },
  {
    file: /^retryable_reads\/unified\/gridfs-download(-serverErrors)?\.json/,
    reason: "the driver asks for {_id: {$eq: …}} where {_id: …} is expected",
  },
  { file: /^versioned-api\/test-commands-strict-mode/, reason: "testVersion2 is a command of mongod's own tests" },
];

/** Operations of the format that the driver has under no name. */
const NOT_IN_DRIVER = new Set(["mapReduce", "listCollectionObjects", "listDatabaseObjects", "deleteByName", "renameByName"]);

/** Why a test is expected to fail here; undefined for one that must pass. */
export function declaredSkip(file: string, test: TestCase): string | undefined {
  const declared = DECLARED.find((one) => one.file.test(file) && (one.test?.test(test.description) ?? true));
  if (declared) return declared.reason;
  const missing = test.operations.find(({ name }) => NOT_IN_DRIVER.has(name));
  return missing && `the driver has no ${missing.name}`;
}
