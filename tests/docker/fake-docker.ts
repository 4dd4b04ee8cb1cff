import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

/** How the containers of a `FakeDocker` fare. */
export type Fate = "ready" | "unhealthy" | "no daemon" | "no compose" | "not allowed" | "port in use" | "no image";

/** A program called docker, for machines without one: it writes down what it is asked, and plays containers that start, or do not. */
export interface FakeDocker {
  /** What to put first on PATH. */
  readonly folder: string;
  /** The arguments of every call so far, and the ports that were in the environment. */
  calls(): { readonly args: readonly string[]; readonly ports: Readonly<Record<string, string>> }[];
  fate(fate: Fate): void;
  /** What containers do that end by themselves. */
  crash(): void;
}

const PROGRAM = `
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
const folder = import.meta.dirname;
const args = process.argv.slice(2);
const ports = Object.fromEntries(Object.entries(process.env).filter(([name]) => /^STREAMLAB_\\w+_PORT$/.test(name)));
appendFileSync(path.join(folder, "calls"), JSON.stringify({ args, ports }) + "\\n");
const fate = readFileSync(path.join(folder, "fate"), "utf8");
const running = path.join(folder, "running");
const fail = (text) => { process.stderr.write(text + "\\n"); process.exit(1); };
if (fate === "no daemon") fail("Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?");
if (fate === "not allowed") fail("permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock");
if (args[0] === "version") { console.log("28.2.2"); process.exit(0); }
if (fate === "no compose") fail("docker: unknown command: docker compose");
if (args[1] === "version") { console.log("2.39.1"); process.exit(0); }
const valued = ["-f", "--project-name", "--env-file", "--profile"];
let at = 1;
while (args[at]?.startsWith("-")) at += valued.includes(args[at]) ? 2 : 1;
const [command, ...rest] = args.slice(at);
if (!existsSync(args[args.indexOf("-f") + 1])) fail("no configuration file");
if (/^STREAMLAB_\\w+=$/m.test(readFileSync(args[args.indexOf("--env-file") + 1], "utf8"))) fail("required variable STREAMLAB_X is missing a value");
if (command === "pull" && fate === "no image") fail("failed to resolve reference: no such host");
if (command === "up") {
  if (fate === "port in use") fail("Bind for 127.0.0.1:9092 failed: port is already allocated");
  if (fate === "unhealthy") fail("container streamlab-kafka-1 is unhealthy");
  writeFileSync(running, rest.filter((word) => !word.startsWith("-") && !/^\\d+$/.test(word)).join("\\n"));
}
if (command === "logs") console.log("ERROR Exiting Kafka due to a fatal exception");
if (command === "ps" && existsSync(running)) console.log(readFileSync(running, "utf8").split("\\n").map((_, i) => "c0ffee" + i).join("\\n"));
if (command === "rm" || command === "down") rmSync(running, { force: true });
`;

/** Writes the program into a new folder below `parent`. */
export function createFakeDocker(parent: string): FakeDocker {
  const folder = path.join(parent, "bin");
  mkdirSync(folder);
  writeFileSync(path.join(folder, "docker.mjs"), PROGRAM);
  const file = path.join(folder, "docker");
  writeFileSync(file, `#!/bin/sh\nexec "${process.execPath}" "${path.join(folder, "docker.mjs")}" "$@"\n`);
  chmodSync(file, 0o755);
  const fate = (what: Fate): void => writeFileSync(path.join(folder, "fate"), what);
  fate("ready");
  return {
    folder,
    fate,
    calls: () => {
      const calls = path.join(folder, "calls");
      if (!existsSync(calls)) return [];
      return readFileSync(calls, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { args: string[]; ports: Record<string, string> });
    },
    crash: () => writeFileSync(path.join(folder, "running"), ""),
  };
}
