import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { messageOf } from "../../../src/base/errors.ts";
import { javaArguments, type JavaSettings } from "../../../src/stack/kafka-jvm/java-process.ts";

/** What a command line tool did. */
export interface ToolResult {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

export interface ToolOptions {
  readonly input?: string;
  /** Then it is interrupted, and its exit is −1. */
  readonly timeoutMs?: number;
}

/** Kafka's own tools, many in one Java process: to start one for each would take a second each. */
export interface JavaTools {
  run(main: string, args: readonly string[], options?: ToolOptions): Promise<ToolResult>;
  close(): Promise<void>;
}

const LAUNCHER = path.join(import.meta.dirname, "JavaTools.java");
const DEFAULT_TIMEOUT_MS = 30_000;

/** Starts the launcher from its source, so that a JDK is needed and nothing is left behind. */
export function startJavaTools(settings: JavaSettings): JavaTools {
  const child = spawn(settings.java.program, [...javaArguments(settings), LAUNCHER], { stdio: "pipe", windowsHide: true });
  const waiting = new Map<number, { take: (result: ToolResult) => void; fail: (cause: Error) => void }>();
  let nextId = 0;
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint = (complaint + text).slice(-4000)));
  child.stdin.on("error", () => undefined);
  const fail = (cause: Error): void => {
    for (const one of waiting.values()) one.fail(cause);
    waiting.clear();
  };
  const ended = new Promise<void>((resolve) => {
    child.once("error", (cause) => {
      fail(cause);
      resolve();
    });
    child.once("close", (code) => {
      fail(new Error(`the launcher of Java tools ended with ${code}: ${complaint}`));
      resolve();
    });
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    try {
      const { id, ...result } = JSON.parse(line) as ToolResult & { id: number };
      waiting.get(id)?.take(result);
      waiting.delete(id);
    } catch (thrown) {
      fail(new Error(`the launcher of Java tools answered "${line.slice(0, 200)}": ${messageOf(thrown)}`));
    }
  });
  return {
    run: (main, args, options = {}) =>
      new Promise((take, reject) => {
        const id = nextId++;
        waiting.set(id, { take, fail: reject });
        const request = { id, main, args, input: options.input ?? "", timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS };
        child.stdin.write(`${JSON.stringify(request)}\n`);
      }),
    close: async () => {
      child.stdin.end();
      const killer = setTimeout(() => child.kill("SIGKILL"), 2_000);
      await ended;
      clearTimeout(killer);
    },
  };
}
