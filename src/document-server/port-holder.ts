import { readdir, readFile, readlink } from "node:fs/promises";

/** Who listens on a TCP port, as "node (pid 4711)", from /proc; undefined elsewhere or when it belongs to another user. */
export async function holderOfPort(port: number): Promise<string | undefined> {
  try {
    const inodes = new Set<string>();
    for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
      const lines = (await readFile(table, "utf8").catch(() => "")).split("\n").slice(1);
      for (const line of lines) {
        const columns = line.trim().split(/\s+/);
        if (columns[3] === "0A" && Number.parseInt(columns[1]?.split(":")[1] ?? "", 16) === port) inodes.add(columns[9] ?? "");
      }
    }
    if (inodes.size === 0) return undefined;
    for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
      for (const descriptor of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
        const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "");
        const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
        if (inode && inodes.has(inode)) return `${(await readFile(`/proc/${pid}/comm`, "utf8")).trim()} (pid ${pid})`;
      }
    }
  } catch {
    return undefined;
  }
  return undefined;
}
