/**
 * The process that runs a notebook's cells without Jupyter: tslab's converter and executor behind Node's channel to the parent.
 * Started by cell-process.ts; ends with its parent.
 */
import { enableCompileCache } from "node:module";
import { watchBackgroundErrors } from "./background-errors.ts";
import { errorOfThrown } from "./cell-error.ts";
import { createCellExecutor } from "./cell-executor.ts";
import type { HostMessage, HostRequest } from "./cell-process.ts";
import { interruptCells } from "./cell-signal.ts";
import { setDisplayWriter, type DisplayWriter } from "./display.ts";
import { signalGroup } from "./end-process.ts";
import { joinWrites, type StreamName } from "./joined-writes.ts";
import { projectRoot } from "../base/project.ts";
import { loadTslab } from "./tslab.ts";

const MOST_PRINTED = 1_000_000;

function start(): void {
  enableCompileCache();
  process.chdir(projectRoot);
  const send = (message: HostMessage): void => void process.send?.(message);
  const prints = joinWrites((name, text) => send({ type: "stream", name, text }));
  let printed = 0;
  const capture = (name: StreamName): typeof process.stdout.write => {
    const decoder = new TextDecoder();
    return (chunk: string | Uint8Array, encoding?: unknown, done?: unknown) => {
      const text = typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
      if (printed < MOST_PRINTED) prints.write(name, text);
      if (printed < MOST_PRINTED && printed + text.length >= MOST_PRINTED) prints.write(name, "\n… the rest of this output was cut\n");
      printed += text.length;
      const callback = typeof encoding === "function" ? encoding : done;
      if (typeof callback === "function") process.nextTick(callback as () => void);
      return true;
    };
  };
  process.stdout.write = capture("stdout");
  process.stderr.write = capture("stderr");

  const display: DisplayWriter = ({ data, metadata, transient }, update) => {
    prints.flush();
    send({ type: "display", data, metadata, id: transient?.display_id, update });
  };
  const tslab = loadTslab();
  setDisplayWriter(display);
  tslab.jupyter.lastWriteDisplayData = (content, update) =>
    display({ data: content.data, metadata: content.metadata, transient: content.transient as { display_id: string } }, update);

  let uncaught: { readonly thrown: unknown } | undefined;
  watchBackgroundErrors((thrown) => (uncaught ??= { thrown }));
  const node = tslab.converter.createConverter();
  const converters = { node, browser: node, close: () => node.close() };
  const executor = createCellExecutor(tslab.executor.createExecutor, projectRoot, converters, console);

  const execute = async (source: string): Promise<void> => {
    printed = 0;
    const passed = await executor.execute(source);
    await turn();
    await turn();
    prints.flush();
    const background = uncaught && errorOfThrown(uncaught.thrown);
    uncaught = undefined;
    send({ type: "done", error: passed ? background && { ...background, ename: `Uncaught ${background.ename}` } : executor.failure });
  };
  process.on("message", (request: HostRequest) => {
    if (request.type === "execute") void execute(request.source);
    else if (request.type === "interrupt") {
      interruptCells(new Error(request.reason));
      executor.interrupt();
    } else process.exit(0);
  });
  process.on("disconnect", () => {
    signalGroup(process.pid, "SIGKILL");
    process.exit(1);
  });
  send({ type: "ready" });
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

start();
