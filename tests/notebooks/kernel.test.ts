import { spawn } from "node:child_process";
import { connect } from "node:net";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { signalGroup } from "../../src/notebook/end-process.ts";
import { writeKernelspec } from "../../src/notebook/kernelspec.ts";
import { JupyterClient, kernelCommand, writeConnection, type Exchange } from "./jupyter-client.ts";
import { untilGone } from "./process-life.ts";

let folder: string;
let specFile: string;
let client: JupyterClient;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "streamlab-kernel-"));
  specFile = await writeKernelspec(folder);
  client = await JupyterClient.start(specFile, folder);
});

afterAll(async () => {
  await client.close();
  await rm(folder, { recursive: true, force: true });
});

const execute = (code: string, more: Record<string, unknown> = {}): Promise<Exchange> => client.ask("execute_request", { code, ...more });

function printed({ published }: Exchange): string {
  return published
    .filter((message) => message.type === "stream")
    .map((message) => String(message.content["text"]))
    .join("");
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}

describe("the real kernel over its wire", () => {
  test("the kernelspec names this Node and is found by Jupyter's layout", async () => {
    expect(path.relative(folder, specFile)).toBe(path.join("kernels", "streamlab", "kernel.json"));
    const spec = JSON.parse(await readFile(specFile, "utf8")) as { argv: string[]; interrupt_mode: string };
    expect(spec.argv[0]).toBe(process.execPath);
    expect(spec.interrupt_mode).toBe("signal");
  });

  test("says what it is", async () => {
    const { reply } = await client.ask("kernel_info_request", {});
    expect(reply).toMatchObject({ type: "kernel_info_reply", content: { implementation: "tslab", language_info: { name: "typescript" } } });
  });

  test("trap 3: runs a cell that imports the product, from another folder", async () => {
    const ran = await execute(`import { parseDurationUs, show } from "streamlab"; parseDurationUs("2 seconds")`);
    expect(ran.reply.content).toMatchObject({ status: "ok", execution_count: 1 });
    expect(printed(ran)).toBe("2000000\n");
  });

  test("trap 11: a figure is one display_data of several forms", async () => {
    const { published } = await execute(`show({ "image/svg+xml": "<svg/>", "text/plain": "figure" });`);
    expect(published.find((message) => message.type === "display_data")?.content).toMatchObject({
      data: { "image/svg+xml": "<svg/>", "text/plain": "figure" },
    });
  });

  test("trap 6: 5,000 displays in one turn arrive, and the idle status behind them", async () => {
    const { published } = await execute(`for (let i = 0; i < 5_000; i++) show({ "text/plain": String(i) });`);
    expect(published.filter((message) => message.type === "display_data")).toHaveLength(5_000);
  });

  test("trap 6b: 5,000 printed lines are a handful of messages, complete", async () => {
    const ran = await execute(`for (let i = 0; i < 5_000; i++) console.log(i);`);
    expect(printed(ran)).toBe(Array.from({ length: 5_000 }, (_, i) => `${i}\n`).join(""));
    expect(ran.published.filter((message) => message.type === "stream").length).toBeLessThan(20);
  });

  test("trap 7: a failed cell sends an error message and an error reply", async () => {
    const { reply, published } = await execute(`throw new RangeError("too far");`, { stop_on_error: false });
    expect(published.find((message) => message.type === "error")?.content).toMatchObject({ ename: "RangeError", evalue: "too far" });
    expect(reply.content).toMatchObject({ status: "error", ename: "RangeError" });
  });

  test("trap 8: with stop_on_error false the next request runs at once", async () => {
    await execute(`throw new Error("first");`, { stop_on_error: false });
    expect((await execute(`"second"`)).reply.content["status"]).toBe("ok");
  });

  test("trap 9: an interrupt aborts the cell's signal and the cell", async () => {
    await execute(`import { cellSignal } from "streamlab"; let ended = false;`);
    const id = await client.send("execute_request", {
      code: `console.log("started"); for (const signal = cellSignal(); !signal.aborted; ) await new Promise((resolve) => setTimeout(resolve, 5)); ended = true;`,
      stop_on_error: false,
    });
    await expect.poll(() => client.published(id), { timeout: 10_000 }).toContain("stream");
    client.kernel.kill("SIGINT");
    expect((await client.receive(id, 10_000)).reply.content["status"]).toBe("error");
    await expect.poll(async () => printed(await execute(`ended`)), { timeout: 10_000 }).toBe("true\n");
  });

  test("trap 10: an error that nobody catches is counted", async () => {
    await execute(`void Promise.reject(new Error("unseen"));`);
    expect(printed(await execute(`import { backgroundErrors } from "streamlab"; backgroundErrors()`))).toContain("unseen");
  });

  test("shuts down on request", async () => {
    await client.send("shutdown_request", { restart: false });
    await untilGone(client.kernel.pid ?? 0, 20_000);
  });
});

test("trap 12: a kernel ends with its client, even a killed one", async () => {
  const connectionFile = await writeConnection(folder);
  const { shell_port } = JSON.parse(await readFile(connectionFile, "utf8")) as { shell_port: number };
  const command = await kernelCommand(specFile, connectionFile);
  const starter = `const { spawn } = require("node:child_process");
    const kernel = spawn(${JSON.stringify(command[0])}, ${JSON.stringify(command.slice(1))}, { detached: true, stdio: "ignore" });
    process.stdout.write(String(kernel.pid) + "\\n");
    setInterval(() => {}, 1000);`;
  const starting = spawn(process.execPath, ["-e", starter], { stdio: ["ignore", "pipe", "inherit"] });
  const pid = Number(await new Promise<string>((resolve) => starting.stdout.setEncoding("utf8").once("data", resolve)));
  try {
    await expect.poll(() => answers(shell_port), { timeout: 20_000 }).toBe(true);
    starting.kill("SIGKILL");
    await untilGone(pid, 20_000);
  } finally {
    signalGroup(pid, "SIGKILL");
  }
});
