import { StreamlabError } from "../base/errors.ts";

/** Why the development server itself could not start or go on; what clients get instead are CommandFailures. */
export class DocumentServerError extends StreamlabError {}

/** MongoDB's error codes that this server answers with, by their official names (error_codes.yml of the server). */
export const CODES = {
  InternalError: 1,
  BadValue: 2,
  FailedToParse: 9,
  UnsupportedFormat: 12,
  TypeMismatch: 14,
  InvalidLength: 16,
  IllegalOperation: 20,
  IndexNotFound: 27,
  PathNotViable: 28,
  NamespaceNotFound: 26,
  CannotCreateIndex: 67,
  ConflictingUpdateOperators: 40,
  CursorNotFound: 43,
  NamespaceExists: 48,
  DollarPrefixedFieldName: 52,
  InvalidIdField: 53,
  CommandNotFound: 59,
  ImmutableField: 66,
  InvalidOptions: 72,
  InvalidNamespace: 73,
  IndexOptionsConflict: 85,
  IndexKeySpecsConflict: 86,
  CommandNotSupported: 115,
  DocumentValidationFailure: 121,
  InvalidIndexSpecificationOption: 197,
  CannotIndexParallelArrays: 171,
  OperationNotSupportedInTransaction: 263,
  QueryExceededMemoryLimitNoDiskUseAllowed: 292,
  DuplicateKey: 11000,
  BSONObjectTooLarge: 10334,
  OutOfDiskSpace: 14031,
  Location17419: 17419,
  Location40601: 40601,
  Location51024: 51024,
  QueryPlanKilled: 175,
  Location13113: 13113,
  Location40323: 40323,
  Location40324: 40324,
  Location40573: 40573,
  Location40415: 40415,
  Location51091: 51091,
  FailPointSetFailed: 243,
  ConversionFailure: 241,
  Location15947: 15947,
  Location15952: 15952,
  Location15955: 15955,
  Location15975: 15975,
  Location15976: 15976,
  Location16020: 16020,
  Location16610: 16610,
  Location16612: 16612,
  Location40234: 40234,
  Location40235: 40235,
  Location40238: 40238,
  EmptyFieldName: 56,
  NotSingleValueField: 54,
  CannotBackfillArray: 15891,
  Location17276: 17276,
  Location51075: 51075,
  Location51108: 51108,
  APIVersionError: 322,
  APIStrictError: 323,
  Location40414: 40414,
  MaxTimeMSExpired: 50,
  Interrupted: 11601,
  CursorKilled: 237,
  ClientDisconnect: 279,
  InterruptedAtShutdown: 11600,
  CursorInUse: 12051,
  CappedPositionLost: 136,
  Unauthorized: 13,
  AuthenticationFailed: 18,
  ProtocolError: 17,
  MechanismUnavailable: 334,
  UserNotFound: 11,
  RoleNotFound: 31,
  Location51003: 51003,
  Location50736: 50736,
  Location50737: 50737,
  Location50738: 50738,
  Location40571: 40571,
  UnsupportedOpQueryCommand: 352,
  Location13103: 13103,
  Location31303: 31303,
  Location16764: 16764,
  Location16766: 16766,
  AmbiguousIndexKeyPattern: 181,
  NoSuchTransaction: 251,
  CommandNotSupportedOnView: 166,
  CommandFailed: 125,
  OperationFailed: 96,
  Location40602: 40602,
  Location6049200: 6049200,
  Location5979700: 5979700,
} as const;

export type CodeName = keyof typeof CODES;

/** Codes that only a fail point answers with, by their official names. */
const FAILING_CODES: Readonly<Record<number, string>> = {
  6: "HostUnreachable",
  7: "HostNotFound",
  13: "Unauthorized",
  18: "AuthenticationFailed",
  24: "LockTimeout",
  50: "MaxTimeMSExpired",
  64: "WriteConcernFailed",
  79: "UnknownReplWriteConcern",
  89: "NetworkTimeout",
  91: "ShutdownInProgress",
  100: "UnsatisfiableWriteConcern",
  112: "WriteConflict",
  117: "ConflictingOperationInProgress",
  133: "FailedToSatisfyReadPreference",
  134: "ReadConcernMajorityNotAvailableYet",
  189: "PrimarySteppedDown",
  225: "TransactionTooOld",
  244: "TransactionAborted",
  251: "NoSuchTransaction",
  262: "ExceededTimeLimit",
  314: "ObjectIsBusy",
  391: "ReauthenticationRequired",
  9001: "SocketException",
  10058: "NotWritablePrimary",
  10107: "NotWritablePrimary",
  11600: "InterruptedAtShutdown",
  11601: "Interrupted",
  11602: "InterruptedDueToReplStateChange",
  13388: "StaleConfig",
  13435: "NotPrimaryNoSecondaryOk",
  13436: "NotPrimaryOrSecondary",
};

/** The official name of a code; `Location…` where it has none of its own, as MongoDB answers too. */
export function nameOfCode(code: number): string {
  const own = Object.entries(CODES).find(([, number]) => number === code)?.[0];
  return own ?? FAILING_CODES[code] ?? `Location${code}`;
}

/** A command, or one operation of a bulk, that is answered with MongoDB's error document. `extra` holds more of its fields (keyPattern, keyValue). */
export class CommandFailure extends Error {
  readonly codeName: CodeName;
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(codeName: CodeName, message: string, extra: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.codeName = codeName;
    this.extra = extra;
  }

  get code(): number {
    return CODES[this.codeName];
  }
}
