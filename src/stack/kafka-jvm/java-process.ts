import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { Java } from "./java.ts";

/** What a Java process gets before its main class. */
export interface JavaSettings {
  readonly java: Java;
  /** The folder of its jars. */
  readonly jars: string;
  /** Most heap, in MiB. */
  readonly heapMiB: number;
  /** For short lives: quick to start, slower in the long run. */
  readonly quick: boolean;
  /** Where native libraries are unpacked. */
  readonly temporary: string;
}

/** The arguments of a Java process up to its main class. It writes warnings to its stderr, and no file outside `temporary`. */
export function javaArguments(settings: JavaSettings): string[] {
  return [
    `-Xmx${settings.heapMiB}m`,
    ...(settings.quick ? ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"] : []),
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
    `-Djava.io.tmpdir=${settings.temporary}`,
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-cp",
    `${settings.jars}/*`,
  ];
}

/**
 * Ends with its parent: a shell in the background reads a pipe that the parent holds, and kills the program when the pipe breaks off. The program
 * takes the shell's place, so that its pid is the child's.
 */
const GUARD = 'exec 3<&0; { read line <&3 || kill -9 $$; } >/dev/null 2>&1 & exec "$@" 3<&- </dev/null';

/** A Java process that writes to a log file. */
export interface JavaProcess {
  readonly pid: number;
  readonly running: boolean;
  /** Resolves when it has ended: "exit 0", "SIGKILL". */
  readonly ended: Promise<string>;
  kill(signal: NodeJS.Signals): void;
}

/** Starts Java in a session of its own. It does not outlive this process, however that ends (on Windows only an orderly end takes it along). */
export function startJava(settings: JavaSettings, main: string, args: readonly string[], logFile: string): JavaProcess {
  const log = openSync(logFile, "a");
  const program = [settings.java.program, ...javaArguments(settings), main, ...args];
  const [command, ...rest] = process.platform === "win32" ? program : ["/bin/sh", "-c", GUARD, "sh", ...program];
  const child: ChildProcess = spawn(command as string, rest, {
    stdio: ["pipe", log, log],
    detached: process.platform !== "win32",
    windowsHide: true,
  });
  closeSync(log);
  child.stdin?.on("error", () => undefined);
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => {
      child.stdin?.end("ended\n");
      resolve(signal ?? `exit ${code}`);
    });
  });
  return {
    pid: child.pid ?? 0,
    get running() {
      return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
    },
    ended,
    kill: (signal) => void child.kill(signal),
  };
}

/** Runs a Java program to its end and gives what it wrote to stdout. `input` is what it reads. Rejects with the end of its stderr. */
export function runJava(
  settings: JavaSettings,
  main: string,
  args: readonly string[],
  options: { readonly input?: string; readonly signal?: AbortSignal; readonly timeoutMs?: number } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const limit = AbortSignal.timeout(options.timeoutMs ?? 60_000);
    const child = spawn(settings.java.program, [...javaArguments(settings), main, ...args], {
      stdio: "pipe",
      windowsHide: true,
      signal: options.signal ? AbortSignal.any([options.signal, limit]) : limit,
      killSignal: "SIGKILL",
    });
    let out = "";
    let complaint = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint = (complaint + text).slice(-4000)));
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
    child.once("error", reject);
    child.once("close", (code, signal) =>
      code === 0 ? resolve(out) : reject(new Error(`${main} ended with ${signal ?? code}: ${(complaint || out).trim()}`)),
    );
  });
}
