import type { Document, MongoClient } from "mongodb";

/** An event that a client published, in the format's terms. */
export type ClientEvent = { readonly type: "command" | "cmap" | "sdam"; readonly name: string; readonly event: Document };

const COMMAND_EVENTS = ["commandStarted", "commandSucceeded", "commandFailed"];

/** The driver's names of what the format calls poolCreatedEvent and so on. */
const POOL_EVENTS: Readonly<Record<string, string>> = {
  connectionPoolCreated: "poolCreated",
  connectionPoolReady: "poolReady",
  connectionPoolCleared: "poolCleared",
  connectionPoolClosed: "poolClosed",
  connectionCreated: "connectionCreated",
  connectionReady: "connectionReady",
  connectionClosed: "connectionClosed",
  connectionCheckOutStarted: "connectionCheckOutStarted",
  connectionCheckOutFailed: "connectionCheckOutFailed",
  connectionCheckedOut: "connectionCheckedOut",
  connectionCheckedIn: "connectionCheckedIn",
};
const TOPOLOGY_EVENTS: Readonly<Record<string, string>> = {
  serverDescriptionChanged: "serverDescriptionChanged",
  topologyDescriptionChanged: "topologyDescriptionChanged",
  topologyOpening: "topologyOpening",
  topologyClosed: "topologyClosed",
  serverHeartbeatStarted: "serverHeartbeatStarted",
  serverHeartbeatSucceeded: "serverHeartbeatSucceeded",
  serverHeartbeatFailed: "serverHeartbeatFailed",
};

/** Commands that carry secrets; they are observed only where a client says observeSensitiveCommands. */
const SENSITIVE = new Set([
  "authenticate",
  "saslStart",
  "saslContinue",
  "getnonce",
  "createUser",
  "updateUser",
  "copydbgetnonce",
  "copydbsaslstart",
  "copydb",
]);
const HANDSHAKE = new Set(["hello", "ismaster", "isMaster"]);

/** A handshake is secret only where it carries a login; the driver then empties what it publishes. */
function isSensitive(name: string, event: Document): boolean {
  if (SENSITIVE.has(name)) return true;
  const shown = (event.command ?? event.reply) as Document | undefined;
  return HANDSHAKE.has(name) && shown !== undefined && Object.keys(shown).length === 0;
}

/** Everything that a client publishes, kept in order for as long as the test lives. */
export class ClientEvents {
  readonly #events: ClientEvent[] = [];
  /** Connections taken from the pool and not given back. */
  checkedOut = 0;

  constructor(client: MongoClient, observed: readonly string[], ignored: readonly string[], withSensitive: boolean) {
    const wanted = new Set(observed.map((name) => name.replace(/Event$/, "")));
    const isIgnored = (name: string, event: Document): boolean =>
      name === "configureFailPoint" || ignored.includes(name) || (!withSensitive && isSensitive(name, event));
    for (const name of COMMAND_EVENTS)
      client.on(name as "commandStarted", (event) => {
        if (wanted.has(name) && !isIgnored(event.commandName, event))
          this.#events.push({ type: "command", name: `${name}Event`, event: frozen(event) });
      });
    for (const [name, shown] of Object.entries(POOL_EVENTS))
      client.on(name as "connectionCreated", (event) => {
        if (name === "connectionCheckedOut") this.checkedOut++;
        if (name === "connectionCheckedIn") this.checkedOut--;
        if (wanted.has(shown)) this.#events.push({ type: "cmap", name: `${shown}Event`, event });
      });
    for (const [name, shown] of Object.entries(TOPOLOGY_EVENTS))
      client.on(name as "topologyOpening", (event) => {
        if (wanted.has(shown)) this.#events.push({ type: "sdam", name: `${shown}Event`, event });
      });
  }

  all(): readonly ClientEvent[] {
    return this.#events;
  }

  ofType(type: ClientEvent["type"]): readonly ClientEvent[] {
    return this.#events.filter((event) => event.type === type);
  }
}

/** The event with its command as it was then: the driver hands out the lists of a bulk as objects of its own. */
function frozen(event: unknown): Document {
  const { command, reply, ...rest } = event as Document;
  const own = event as Document;
  return {
    ...rest,
    commandName: own.commandName as string,
    databaseName: own.databaseName as string,
    hasServiceId: own.hasServiceId as boolean,
    ...(command === undefined ? {} : { command: plainLists(command as Document) }),
    ...(reply === undefined ? {} : { reply: reply as Document }),
  };
}

function plainLists(command: Document): Document {
  const isSequence = (value: unknown): value is { readonly documents: Document[] } =>
    typeof value === "object" && value !== null && value.constructor.name === "DocumentSequence";
  return Object.fromEntries(
    Object.entries(command).map(([name, value]) => [
      name,
      isSequence(value) ? value.documents.map((one) => ({ ...one })) : (value as unknown),
    ]),
  );
}
