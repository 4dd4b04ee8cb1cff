import fs from "node:fs/promises";
import path from "node:path";
import { codeOf } from "../base/errors.ts";
import { BrokerError } from "./broker-error.ts";

/** Folders that brokers of this process hold. */
const held = new Set<string>();

interface Holder {
  readonly pid: number;
  /** Tells a process from an earlier one with the same id, where the system says when it started. */
  readonly startedAt: string;
}

/** When a process started, in the system's own units; "" where that cannot be known or the process is gone. */
async function startOf(pid: number): Promise<string> {
  try {
    const stat = await fs.readFile(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}

async function isAlive(holder: Holder): Promise<boolean> {
  try {
    process.kill(holder.pid, 0);
  } catch (thrown) {
    if (codeOf(thrown) === "ESRCH") return false;
  }
  const startedAt = await startOf(holder.pid);
  return startedAt === "" || holder.startedAt === "" || startedAt === holder.startedAt;
}

async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await fs.readFile(file, "utf8")) as Holder;
  } catch {
    return undefined;
  }
}

/**
 * Makes this process the only broker on a data folder. Throws DATA_FOLDER_IN_USE where another lives; what a killed one left behind is
 * taken over. Returns the release.
 */
export async function lockDataFolder(folder: string): Promise<() => Promise<void>> {
  await fs.mkdir(folder, { recursive: true });
  const real = await fs.realpath(folder);
  const file = path.join(real, "broker.lock");
  const inUse = (found: string): BrokerError =>
    new BrokerError("DATA_FOLDER_IN_USE", {
      failed: `Cannot start the Kafka-protocol development broker on ${folder}`,
      found,
      remedy: "Stop the other broker first, or give this one a data folder of its own.",
    });
  if (held.has(real)) throw inUse("another broker of this process uses the folder");
  held.add(real);
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        await fs.writeFile(file, JSON.stringify({ pid: process.pid, startedAt: await startOf(process.pid) }), { flag: "wx", mode: 0o600 });
        break;
      } catch (thrown) {
        if (codeOf(thrown) !== "EEXIST") throw thrown;
      }
      const holder = await readHolder(file);
      if (attempt > 3 || (holder && holder.pid !== process.pid && (await isAlive(holder)))) {
        throw inUse(`process ${holder?.pid ?? "unknown"} uses the folder`);
      }
      await fs.rm(file, { force: true });
    }
  } catch (thrown) {
    held.delete(real);
    throw thrown;
  }
  return async () => {
    await fs.rm(file, { force: true });
    held.delete(real);
  };
}
