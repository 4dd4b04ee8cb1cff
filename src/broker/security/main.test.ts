import { fork, type ChildProcess } from "node:child_process";
import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { errorName } from "../../kafka-protocol/error-codes.ts";
import { saslAuthenticateApi } from "../../kafka-protocol/messages/sasl-authenticate.ts";
import { saslHandshakeApi } from "../../kafka-protocol/messages/sasl-handshake.ts";
import { connectForRequests } from "../../kafka-protocol/request-connection.ts";
import type { Listener } from "./listener.ts";

const MAIN = path.join(import.meta.dirname, "..", "main.ts");
const SECRET = "canary-4711";
let folder: string;
const children: ChildProcess[] = [];
beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "broker-main-"));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
afterAll(() => fs.rm(folder, { recursive: true, force: true }));

interface Started {
  readonly listeners: readonly Listener[];
  readonly caFile?: string;
  readonly said: () => string;
}

async function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Started> {
  const child = fork(MAIN, ["--data", path.join(folder, String(children.length)), ...args], {
    execArgv: [],
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  children.push(child);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once("message", (message) => resolve({ ...(message as Omit<Started, "said">), said: () => said }));
    child.once("close", (code) => reject(new Error(`the broker ended with ${code}: ${said}`)));
  });
}

async function logIn(port: number, password: string): Promise<string> {
  const client = await connectForRequests({ host: "127.0.0.1", port });
  await client.request(saslHandshakeApi, 1, { mechanism: "PLAIN" });
  const answer = await client.request(saslAuthenticateApi, 1, { authBytes: Buffer.from(`\0alice\0${password}`) });
  client.close();
  return errorName(answer.errorCode);
}

test("a broker that is a process of its own opens the listeners it is told, and takes its users from a private file", async () => {
  const file = path.join(folder, "security.json");
  await fs.writeFile(file, JSON.stringify({ users: { alice: SECRET } }), { mode: 0o600 });
  const listeners = "SASL_PLAINTEXT://127.0.0.1:0,SSL://127.0.0.1:0";
  const started = await start(["--listeners", listeners, "--security", file]);
  expect(started.listeners.map(({ protocol }) => protocol)).toEqual(["SASL_PLAINTEXT", "SSL"]);
  expect(await fs.readFile(started.caFile ?? "", "utf8")).toContain("CERTIFICATE");
  const port = started.listeners[0]?.port ?? 0;
  expect(await logIn(port, SECRET)).toBe("NONE");
  expect(await logIn(port, "wrong")).toBe("SASL_AUTHENTICATION_FAILED");
  expect(started.said()).not.toContain(SECRET);
  expect(started.said()).not.toContain("wrong");
});

test("or from the environment; what is wrong with either is said without the secrets in it", async () => {
  const env = { STREAMLAB_BROKER_SECURITY: JSON.stringify({ users: { alice: SECRET } }) };
  const started = await start(["--listeners", "SASL_PLAINTEXT://127.0.0.1:0"], env);
  expect(await logIn(started.listeners[0]?.port ?? 0, SECRET)).toBe("NONE");
  const bad = JSON.stringify({ users: { alice: SECRET }, mystery: 1 });
  const failed = start(["--listeners", "PLAINTEXT://127.0.0.1:0"], { STREAMLAB_BROKER_SECURITY: bad });
  await expect(failed).rejects.toThrow(/"mystery" is unknown/);
  await expect(failed).rejects.not.toThrow(SECRET);
  await expect(start(["--listeners", "PLAIN://x"])).rejects.toThrow(/Write protocol:\/\/host:port/);
});
