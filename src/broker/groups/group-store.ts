import path from "node:path";
import { metadataUnder, type GroupMember } from "./group-member.ts";
import { openJournal, type Journal } from "../journal.ts";

export interface StoredMember {
  readonly id: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  /** What it said under the chosen protocol, in base64. */
  readonly metadata: string;
  /** In base64. */
  readonly assignment: string;
}

/** What of a group outlives the broker: the last generation that was settled. */
export interface StoredGroup {
  readonly group: string;
  readonly generationId: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly leader: string | null;
  readonly members: readonly StoredMember[];
  /** When it came into this state, in ms since the epoch. */
  readonly sinceMs: number;
}

/** What is kept of a member. */
export function storedMember(member: GroupMember, protocolName: string | null, assignment: Buffer): StoredMember {
  const { id, instanceId, clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs } = member;
  const metadata = metadataUnder(member, protocolName).toString("base64");
  return {
    id,
    instanceId,
    clientId,
    clientHost,
    sessionTimeoutMs,
    rebalanceTimeoutMs,
    metadata,
    assignment: assignment.toString("base64"),
  };
}

/** The member again, as it was: it knows one protocol, the one that was chosen. */
export function restoredMember({ metadata, assignment, ...kept }: StoredMember, protocolName: string | null): GroupMember {
  return {
    ...kept,
    protocols: [{ name: protocolName ?? "", metadata: Buffer.from(metadata, "base64") }],
    assignment: Buffer.from(assignment, "base64"),
    isNew: false,
    joining: undefined,
    syncing: undefined,
    session: undefined,
  };
}

type Entry = StoredGroup | { readonly group: string; readonly gone: true };

/** The settled state of all groups, on disk. */
export interface GroupStore {
  /** What there was when the store was opened, or has been saved since. */
  all(): Iterable<StoredGroup>;
  save(group: StoredGroup): Promise<void>;
  remove(group: string): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Opens the store; `sync` makes every generation durable against a power cut. */
export async function openGroupStore(folder: string, sync: boolean): Promise<GroupStore> {
  const groups = new Map<string, StoredGroup>();
  const journal: Journal<Entry> = await openJournal<Entry>({
    file: path.join(folder, "groups.journal"),
    sync,
    apply: (entry) => {
      if ("gone" in entry) groups.delete(entry.group);
      else groups.set(entry.group, entry);
    },
    snapshot: () => groups.values(),
  });
  return {
    all: () => groups.values(),
    save: (group) => journal.append([group]),
    remove: async (group) => {
      if (groups.has(group)) await journal.append([{ group, gone: true }]);
    },
    flush: () => journal.flush(),
    close: () => journal.close(),
  };
}
