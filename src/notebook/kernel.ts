/**
 * The Jupyter kernel of the project: tslab's, working in the project's folder, with its known faults mended on the way in.
 * Started by kernelspec.ts's kernel.json as `node kernel.ts <connection file>`.
 */
import { createRequire, enableCompileCache } from "node:module";
import type * as zeromqModule from "zeromq";
import { watchBackgroundErrors } from "./background-errors.ts";
import { createCellExecutor, type CellExecutor } from "./cell-executor.ts";
import type { CellError } from "./cell-error.ts";
import { interruptCells } from "./cell-signal.ts";
import { setDisplayWriter, type DisplayWriter } from "./display.ts";
import { joinWrites, type StreamName } from "./joined-writes.ts";
import { projectRoot } from "../base/project.ts";
import { loadTslab, type Tslab } from "./tslab.ts";

interface ExecuteRequest {
  readonly code: string;
  readonly stop_on_error?: boolean;
}

interface KernelMessage {
  readonly content: ExecuteRequest;
  readonly header: { msg_type: string };
  createReply(): { header: { msg_type: string }; content: unknown; signAndSend(key: string, socket: unknown): void };
}

interface ServerParts {
  readonly connInfo: { readonly key: string };
  readonly iopub: unknown;
}

type HandleExecute = (
  request: ExecuteRequest,
  writeStream: (name: StreamName, text: string) => void,
  writeDisplay: DisplayWriter,
) => Promise<{ status: string }>;

/** zeromq loses or refuses a message that is sent while another one is on its way; these sockets send one after the other. */
function queueSends(zeromq: typeof zeromqModule): void {
  const queued = (base: new (options?: object) => zeromqModule.Publisher): unknown =>
    class extends base {
      #tail: Promise<void> = Promise.resolve();

      constructor(options?: object) {
        super({ ...options, sendHighWaterMark: 0 });
      }

      override send(message: Parameters<zeromqModule.Publisher["send"]>[0]): Promise<void> {
        this.#tail = this.#tail.then(() => super.send(message)).catch(() => {});
        return this.#tail;
      }

      override close(): void {
        void this.#tail.then(() => super.close());
      }
    };
  const sockets = zeromq as unknown as Record<string, unknown>;
  sockets["Publisher"] = queued(zeromq.Publisher);
  sockets["Router"] = queued(zeromq.Router as unknown as typeof zeromq.Publisher);
}

/** Prints are joined, figures reach `show`, and a failed cell sends Jupyter's `error` message, which tslab does not. */
function mendHandler(tslab: Tslab): void {
  const publishers = new WeakMap<ExecuteRequest, (error: CellError) => void>();
  const handler = tslab.jupyter.JupyterHandlerImpl.prototype as unknown as {
    handleExecute: HandleExecute;
    handleExecuteImpl: HandleExecute;
    executor: CellExecutor;
    execQueue: { reset(): void };
  };
  const { handleExecute, handleExecuteImpl } = handler;
  handler.handleExecuteImpl = function (request, writeStream, writeDisplay) {
    setDisplayWriter(writeDisplay);
    return handleExecuteImpl.call(this, request, writeStream, writeDisplay);
  };
  handler.handleExecute = async function (request, writeStream, writeDisplay) {
    const prints = joinWrites(writeStream);
    const display: DisplayWriter = (data, update) => {
      prints.flush();
      writeDisplay(data, update);
    };
    const reply = await handleExecute.call(this, request, prints.write, display);
    prints.flush();
    const failure = reply.status === "error" ? this.executor.failure : undefined;
    if (failure) publishers.get(request)?.(failure);
    if (failure && request.stop_on_error === false) this.execQueue.reset();
    return failure ? { ...reply, ...failure } : reply;
  };

  const server = tslab.jupyter.ZmqServer.prototype as unknown as {
    handleExecute(this: ServerParts, socket: unknown, message: KernelMessage): Promise<void>;
  };
  const serve = server.handleExecute;
  server.handleExecute = function (socket, message) {
    publishers.set(message.content, (error) => {
      const report = message.createReply();
      report.header.msg_type = "error";
      report.content = error;
      report.signAndSend(this.connInfo.key, this.iopub);
    });
    return serve.call(this, socket, message);
  };
}

/** A kernel whose Jupyter was killed would live for ever, its servers too. */
function endWithParent(): void {
  if (process.platform === "win32") return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid === parent) return;
    try {
      process.kill(-process.pid, "SIGKILL");
    } catch {
      process.exit(1);
    }
  }, 1_000).unref();
}

function startKernel(connectionFile: string): void {
  endWithParent();
  enableCompileCache();
  process.chdir(projectRoot);
  const require = createRequire(import.meta.url);
  const tslabRequire = createRequire(require.resolve("tslab"));
  const tslab = loadTslab();
  const { createExecutor } = tslab.executor;
  tslab.executor.createExecutor = (root, converters, console) => createCellExecutor(createExecutor, root, converters, console);
  mendHandler(tslab);
  queueSends(tslabRequire("zeromq") as typeof zeromqModule);
  watchBackgroundErrors();
  process.on("SIGINT", () => interruptCells(new Error("the notebook was interrupted")));
  const { startKernel: start } = tslabRequire("./main.js") as { startKernel(options: object): void };
  start({ configPath: connectionFile, enableFindLocal: false });
}

startKernel(process.argv[2] ?? "");
