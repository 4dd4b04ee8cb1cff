import { createServer } from "node:net";
import { portHolder } from "../base/port-holder.ts";
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
