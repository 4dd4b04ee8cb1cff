import { readFileSync, readdirSync, readlinkSync } from "node:fs";

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
