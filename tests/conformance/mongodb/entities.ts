import {
  Collection,
  Db,
  GridFSBucket,
  MongoClient,
  ReadPreference,
  type AbstractCursor,
  type ChangeStream,
  type ClientSession,
  type Document,
  type MongoClientOptions,
} from "mongodb";
import { ClientEvents } from "./client-events.ts";
import { isDocument, type MatchScope } from "./match.ts";

/** Options that the files give in the URI's spelling and that the driver takes in its own. */
function clientOptions(spec: Document): MongoClientOptions {
  const { readConcernLevel, w, journal, readPreference, appname, appName, wTimeoutMS, wtimeoutMS, ...rest } = (spec.uriOptions ??
    {}) as Document;
  const concern = { w, journal, wtimeoutMS: (wTimeoutMS ?? wtimeoutMS) as unknown };
  const hasConcern = Object.values(concern).some((value) => value !== undefined);
  return {
    ...rest,
    ...(readConcernLevel === undefined ? {} : { readConcernLevel }),
    ...(readPreference === undefined ? {} : { readPreference }),
    ...(hasConcern ? { writeConcern: Object.fromEntries(Object.entries(concern).filter(([, value]) => value !== undefined)) } : {}),
    ...((appname ?? appName) === undefined ? {} : { appName: (appname ?? appName) as string }),
    ...(spec.serverApi === undefined ? {} : { serverApi: spec.serverApi }),
    ...(spec.autoEncryptOpts === undefined ? {} : { autoEncryption: spec.autoEncryptOpts }),
    monitorCommands: true,
  } as MongoClientOptions;
}

/** Options of a database, a collection or an operation, with what the driver wants as objects of its own. */
export function driverOptions(options: Document | undefined, session?: ClientSession): Document {
  const { readPreference, ...rest } = options ?? {};
  return {
    ...rest,
    ...(readPreference === undefined
      ? {}
      : {
          readPreference: isDocument(readPreference)
            ? ReadPreference.fromOptions({ readPreference: readPreferenceOf(readPreference) })
            : readPreference,
        }),
    ...(session === undefined ? {} : { session }),
  };
}

function readPreferenceOf(spec: Document): ReadPreference {
  return new ReadPreference(spec.mode as never, spec.tagSets as never, { maxStalenessSeconds: spec.maxStalenessSeconds as number });
}

/** What the operations of one test work on, by name. `close` ends everything that was opened. */
export class Entities implements MatchScope {
  readonly #uri: string;
  readonly #values = new Map<string, unknown>();
  readonly #events = new Map<string, ClientEvents>();
  readonly #lsids = new Map<string, Document>();
  readonly #threads = new Map<string, Promise<unknown>>();

  /** A client of the runner's own, which no test observes. */
  readonly observer: MongoClient;

  constructor(uri: string, observer: MongoClient) {
    this.#uri = uri;
    this.observer = observer;
  }

  async create(spec: Document): Promise<void> {
    const [kind, given] = Object.entries(spec)[0] as [string, Document];
    const id = String(given.id);
    if (this.#values.has(id)) throw new Error(`the entity ${id} is there already`);
    switch (kind) {
      case "client": {
        const client = new MongoClient(this.#uri, clientOptions(given));
        const list = (name: string): string[] => (given[name] ?? []) as string[];
        const observed = [...list("observeEvents"), ...list("storeEventsAsEntities")];
        this.#events.set(
          id,
          new ClientEvents(client, observed, list("ignoreCommandMonitoringEvents"), given.observeSensitiveCommands === true),
        );
        this.#values.set(id, client);
        break;
      }
      case "database":
        this.#values.set(
          id,
          this.client(String(given.client)).db(String(given.databaseName), driverOptions(given.databaseOptions as Document)),
        );
        break;
      case "collection":
        this.#values.set(
          id,
          this.database(String(given.database)).collection(
            String(given.collectionName),
            driverOptions(given.collectionOptions as Document),
          ),
        );
        break;
      case "session": {
        const session = this.client(String(given.client)).startSession(given.sessionOptions as Document);
        this.#values.set(id, session);
        this.#lsids.set(id, session.id as Document);
        break;
      }
      case "bucket":
        this.#values.set(id, new GridFSBucket(this.database(String(given.database)), driverOptions(given.bucketOptions as Document)));
        break;
      case "thread":
        this.#threads.set(id, Promise.resolve());
        this.#values.set(id, "thread");
        break;
      default:
        throw new Error(`the runner makes no ${kind} entities`);
    }
  }

  set(id: string, value: unknown): void {
    this.#values.set(id, value);
  }

  get(id: string): unknown {
    if (!this.#values.has(id)) throw new Error(`there is no entity ${id}`);
    return this.#values.get(id);
  }

  #typed<T>(id: string, type: abstract new (...args: never) => T): T {
    const value = this.get(id);
    if (!(value instanceof type)) throw new Error(`the entity ${id} is no ${type.name}`);
    return value;
  }

  client(id: string): MongoClient {
    return this.#typed(id, MongoClient);
  }

  database(id: string): Db {
    return this.#typed(id, Db);
  }

  collection(id: string): Collection {
    return this.#typed(id, Collection);
  }

  bucket(id: string): GridFSBucket {
    return this.#typed(id, GridFSBucket);
  }

  cursor(id: string): AbstractCursor<unknown> | ChangeStream {
    return this.get(id) as AbstractCursor<unknown> | ChangeStream;
  }

  session(id: string): ClientSession {
    return this.get(id) as ClientSession;
  }

  events(clientId: string): ClientEvents {
    const events = this.#events.get(clientId);
    if (!events) throw new Error(`there is no client ${clientId}`);
    return events;
  }

  /** Runs work behind what the thread was given before. */
  runOn(thread: string, work: () => Promise<unknown>): void {
    this.#threads.set(thread, (this.#threads.get(thread) ?? Promise.resolve()).then(work));
  }

  async waitFor(thread: string): Promise<void> {
    await this.#threads.get(thread);
  }

  entityValue(id: string): unknown {
    return this.get(id);
  }

  sessionLsid(id: string): unknown {
    return this.#lsids.get(id) ?? this.session(id).id;
  }

  async close(): Promise<void> {
    for (const pending of this.#threads.values()) await pending.catch(() => undefined);
    const values = [...this.#values.values()].reverse();
    for (const value of values)
      if (value && typeof (value as AbstractCursor).close === "function" && !(value instanceof MongoClient))
        await (value as AbstractCursor).close().catch(() => undefined);
    for (const value of values) if (value instanceof MongoClient) await value.close().catch(() => undefined);
  }
}
