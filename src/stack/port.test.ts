import { createServer, type Server } from "node:net";
import { afterEach, expect, test } from "vitest";
import { choosePort, freePort, isPortFree } from "./port.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function occupy(): Promise<number> {
  const port = await freePort();
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return port;
}

test("a port that somebody listens on is not free", async () => {
  expect(await isPortFree(await occupy())).toBe(false);
});

test("an own default that is taken falls back to a free port", async () => {
  const taken = await occupy();
  const chosen = await choosePort("dashboard", undefined, taken);
  expect(chosen).not.toBe(taken);
  expect(await isPortFree(chosen)).toBe(true);
});

test("a port that the user asked for is never replaced: the message names the port and its holder", async () => {
  const taken = await occupy();
  await expect(choosePort("dashboard", taken, 8050)).rejects.toThrow(`Cannot start the dashboard on port ${taken} (the port is in use by`);
});
