import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { StackError } from "./stack-error.ts";

/** Whether a server could listen there now. */
export function isPortFree(port: number, host: string = "127.0.0.1"): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/** A port that is free at this moment. */
export function freePort(host: string = "127.0.0.1"): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen({ port: 0, host }, () => {
      const address = probe.address();
      const port = typeof address === "object" && address ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}

/** Who listens on a TCP port of this machine, as "name (pid 123)"; undefined where the system does not tell (Linux does). */
export function portHolder(port: number): string | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const inodes = new Set<string>();
    for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
      for (const line of readFileSync(table, "utf8").split("\n").slice(1)) {
        const columns = line.trim().split(/\s+/);
        if (columns[3] === "0A" && Number.parseInt(columns[1]?.split(":")[1] ?? "", 16) === port) inodes.add(`socket:[${columns[9]}]`);
      }
    }
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      if (holdsOneOf(pid, inodes)) return `${readFileSync(`/proc/${pid}/comm`, "utf8").trim()} (pid ${pid})`;
    }
  } catch {
    return undefined;
  }
  return undefined;
}

function holdsOneOf(pid: string, sockets: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return sockets.has(readlinkSync(`/proc/${pid}/fd/${fd}`));
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}

/**
 * The port for a server: the one that the user asked for, or an error that names its holder; an own default where it is free; else any free one.
 */
export async function choosePort(what: string, asked: number | undefined, ownDefault: number): Promise<number> {
  if (asked === undefined) return (await isPortFree(ownDefault)) ? ownDefault : freePort();
  if (asked === 0) return freePort();
  if (await isPortFree(asked)) return asked;
  throw new StackError("PORT_IN_USE", {
    failed: `Cannot start the ${what} on port ${asked}`,
    found: `the port is in use by ${portHolder(asked) ?? "another program"}`,
    remedy: "End that program, or choose another port.",
  });
}
