import { type AddressInfo, createServer } from "node:net";
import { expect, test } from "vitest";
import { portHolder } from "./port-holder.ts";

test.runIf(process.platform === "linux")("the holder of a port is told by name and pid; a free port has none", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  expect(portHolder(port)).toContain(`(pid ${process.pid})`);
  await new Promise((resolve) => server.close(resolve));
  expect(portHolder(port)).toBeUndefined();
});
