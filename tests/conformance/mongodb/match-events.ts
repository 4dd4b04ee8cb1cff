import type { Document } from "mongodb";
import type { ClientEvent } from "./client-events.ts";
import { match, Mismatch, type MatchScope } from "./match.ts";

/** Holds what a client published against what is expected, in order; with `ignoreExtra` more may follow. Throws Mismatch. */
export function matchEvents(expected: readonly Document[], actual: readonly ClientEvent[], ignoreExtra: boolean, scope: MatchScope): void {
  const names = actual.map((event) => `${event.name} ${String(event.event.commandName ?? "")}`).join(", ");
  if (actual.length < expected.length || (!ignoreExtra && actual.length > expected.length))
    throw new Mismatch(`expected ${expected.length} events, found ${actual.length}: ${names}`);
  for (const [i, one] of expected.entries()) {
    const [name, wanted] = Object.entries(one)[0] as [string, Document];
    const found = actual[i] as ClientEvent;
    if (found.name !== name) throw new Mismatch(`event ${i}: expected ${name}, found ${names}`);
    matchEvent(wanted, found, scope, `event ${i} (${name})`);
  }
}

function matchEvent(expected: Document, found: ClientEvent, scope: MatchScope, path: string): void {
  for (const [field, value] of Object.entries(expected)) {
    const actual = found.event[field] as unknown;
    switch (field) {
      case "command":
      case "reply":
        match(value, actual, scope, true, `${path}.${field}`);
        break;
      case "commandName":
      case "databaseName":
      case "reason":
      case "hasServiceId":
      case "awaited":
        if (actual !== value) throw new Mismatch(`${path}: expected ${field} ${String(value)}, found ${String(actual)}`);
        break;
      case "hasServerConnectionId":
        if ((found.event.serverConnectionId !== null && found.event.serverConnectionId !== undefined) !== value)
          throw new Mismatch(`${path}: hasServerConnectionId is not ${String(value)}`);
        break;
      case "interruptInUseConnections":
        if ((actual ?? false) !== value) throw new Mismatch(`${path}: expected interruptInUseConnections ${String(value)}`);
        break;
      case "previousDescription":
      case "newDescription":
        if ((value as Document).type !== undefined && (actual as Document).type !== (value as Document).type)
          throw new Mismatch(`${path}: expected ${field} ${String((value as Document).type)}, found ${String((actual as Document).type)}`);
        break;
      default:
        throw new Error(`the runner knows no field ${field} of an event`);
    }
  }
}
