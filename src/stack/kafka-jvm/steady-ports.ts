import { randomInt } from "node:crypto";
import { isPortFree } from "../port.ts";

/** Below where systems take the ports of outgoing connections from (32768 on Linux, 49152 elsewhere), above what well-known servers have. */
const FIRST = 12_000;
const BEHIND_LAST = 32_000;

/**
 * Ports that are free and that no outgoing connection takes in the meantime: a node that is started seconds later, or again after a crash, finds
 * its ports free, and nobody who tries to reach it while it is away connects to himself.
 */
export async function steadyPorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(FIRST, BEHIND_LAST);
    if (!ports.has(port) && (await isPortFree(port))) ports.add(port);
  }
  return [...ports];
}
