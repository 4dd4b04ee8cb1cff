import { aggregateCommands } from "./aggregate.ts";
import { bulkWriteCommands } from "./bulk-write.ts";
import { collectionCommands } from "./collections.ts";
import type { Command } from "./command.ts";
import { explainCommands } from "./explain.ts";
import { findAndModifyCommands } from "./find-and-modify.ts";
import { findCommands } from "./find.ts";
import { handshakeCommands } from "./handshake.ts";
import { indexCommands } from "./indexes.ts";
import { loginCommands } from "./login.ts";
import { operationCommands } from "./operations.ts";
import { statsCommands } from "./stats.ts";
import { userCommands } from "./users.ts";
import { withViews } from "./views.ts";
import { writeCommands } from "./write.ts";

/** Every command of the server by its name: one file a family, one entry a command. */
export const commandTable: ReadonlyMap<string, Command> = new Map(
  [
    ...handshakeCommands,
    ...loginCommands,
    ...userCommands,
    ...statsCommands,
    ...operationCommands,
    ...writeCommands,
    ...bulkWriteCommands,
    ...findCommands,
    ...findAndModifyCommands,
    ...aggregateCommands,
    ...collectionCommands,
    ...indexCommands,
    ...explainCommands,
  ].map((command) => [command.name, withViews(command)]),
);
