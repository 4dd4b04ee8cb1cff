import { spawn, type ChildProcess } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer, type AddressInfo } from "node:net";
import path from "node:path";
import type * as zeromqModule from "zeromq";
import { endGroup } from "../../src/notebook/end-process.ts";

/** A message of Jupyter's wire protocol, as far as the tests look at it. */
export interface KernelMessage {
  readonly type: string;
  readonly parent: string;
  readonly content: Readonly<Record<string, unknown>>;
}

/** The reply to a request, and what was published for it, up to the idle status. */
export interface Exchange {
  readonly reply: KernelMessage;
  readonly published: readonly KernelMessage[];
}

const zeromq = createRequire(createRequire(import.meta.url).resolve("tslab"))("zeromq") as typeof zeromqModule;
const DELIMITER = "<IDS|MSG>";

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Writes a connection file as Jupyter does. */
export async function writeConnection(folder: string): Promise<string> {
  const [shell_port, iopub_port, stdin_port, control_port, hb_port] = await freePorts(5);
  const connection = { shell_port, iopub_port, stdin_port, control_port, hb_port, ip: "127.0.0.1", key: randomUUID(), transport: "tcp" };
  const file = path.join(folder, "connection.json");
  await writeFile(file, JSON.stringify({ ...connection, signature_scheme: "hmac-sha256", kernel_name: "streamlab" }));
  return file;
}

/** The command of a kernelspec for a connection file. */
export async function kernelCommand(specFile: string, connectionFile: string): Promise<string[]> {
  const spec = JSON.parse(await readFile(specFile, "utf8")) as { argv: string[] };
  return spec.argv.map((word) => (word === "{connection_file}" ? connectionFile : word));
}

/** A client of one kernel over its real wire, enough of Jupyter's protocol to ask and listen. */
export class JupyterClient {
  readonly kernel: ChildProcess;
  readonly #key: string;
  readonly #shell = new zeromq.Dealer();
  readonly #iopub = new zeromq.Subscriber({ receiveHighWaterMark: 0 });
  readonly #published: KernelMessage[] = [];
  readonly #replies: KernelMessage[] = [];
  #wake: () => void = () => {};

  private constructor(kernel: ChildProcess, connection: { key: string; shell_port: number; iopub_port: number }) {
    this.kernel = kernel;
    this.#key = connection.key;
    this.#shell.connect(`tcp://127.0.0.1:${connection.shell_port}`);
    this.#iopub.connect(`tcp://127.0.0.1:${connection.iopub_port}`);
    this.#iopub.subscribe();
    void this.#listen(this.#shell, this.#replies);
    void this.#listen(this.#iopub, this.#published);
  }

  /** Starts a kernel by its kernelspec, in another folder than the project's, as Jupyter starts it in the notebook's. */
  static async start(specFile: string, folder: string): Promise<JupyterClient> {
    const connectionFile = await writeConnection(folder);
    const [program = "", ...args] = await kernelCommand(specFile, connectionFile);
    const kernel = spawn(program, args, { cwd: folder, detached: true, stdio: "ignore" });
    const client = new JupyterClient(
      kernel,
      JSON.parse(await readFile(connectionFile, "utf8")) as { key: string; shell_port: number; iopub_port: number },
    );
    await client.#nudge(30_000);
    return client;
  }

  /** Sends a request and waits for its reply and its idle status. */
  async ask(type: string, content: Record<string, unknown>, limitMs: number = 20_000): Promise<Exchange> {
    return this.receive(await this.send(type, content), limitMs);
  }

  /** Sends a request without waiting; gives its id. */
  async send(type: string, content: Record<string, unknown>): Promise<string> {
    const id = randomUUID();
    const header = { msg_id: id, msg_type: type, session: "test", username: "test", version: "5.3", date: new Date().toISOString() };
    const parts = [header, {}, {}, content].map((part) => JSON.stringify(part));
    await this.#shell.send([DELIMITER, this.#sign(parts), ...parts]);
    return id;
  }

  /** Waits for the reply to a request and its idle status. */
  async receive(id: string, limitMs: number): Promise<Exchange> {
    const deadline = performance.now() + limitMs;
    for (;;) {
      const reply = this.#replies.find((message) => message.parent === id);
      const published = this.#published.filter((message) => message.parent === id);
      if (reply && published.some((message) => message.content["execution_state"] === "idle")) return { reply, published };
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) throw new Error(`no answer in ${limitMs} ms; so far ${JSON.stringify([reply, published.slice(-3)])}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** The types of what was published for a request so far. */
  published(id: string): readonly string[] {
    return this.#published.filter((message) => message.parent === id).map((message) => message.type);
  }

  /** Ends the kernel with its process group. */
  async close(): Promise<void> {
    await endGroup(this.kernel, 1_000);
    this.#shell.close();
    this.#iopub.close();
  }

  /** Asks until an answer is published too: what a kernel publishes before a subscription has reached it is lost. */
  async #nudge(limitMs: number): Promise<void> {
    const deadline = performance.now() + limitMs;
    for (;;) {
      try {
        await this.ask("kernel_info_request", {}, 500);
        return;
      } catch (thrown) {
        if (performance.now() < deadline) continue;
        await this.close();
        throw thrown;
      }
    }
  }

  async #listen(socket: AsyncIterable<Buffer[]>, into: KernelMessage[]): Promise<void> {
    for await (const frames of socket) {
      const start = frames.findIndex((frame) => frame.toString() === DELIMITER);
      const [signature, ...parts] = frames.slice(start + 1).map(String);
      if (this.#sign(parts) !== signature) throw new Error("a message with a wrong signature");
      const [header, parent, , content] = parts.map((part) => JSON.parse(part) as Record<string, unknown>);
      into.push({ type: String(header?.["msg_type"]), parent: String(parent?.["msg_id"]), content: content ?? {} });
      this.#wake();
    }
  }

  #sign(parts: readonly string[]): string {
    return parts.reduce((hmac, part) => hmac.update(part), createHmac("sha256", this.#key)).digest("hex");
  }
}
