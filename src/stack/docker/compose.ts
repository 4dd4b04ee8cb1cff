import { createHash } from "node:crypto";
import { spawn } from "node:child_process";
import path from "node:path";
import * as dockerCompose from "docker-compose";
import type { IDockerComposeOptions, IDockerComposeResult } from "docker-compose";
import { stateFolder } from "../state-folder.ts";
import { dockerFailure } from "./docker-failure.ts";
import { secretsFile } from "./secrets.ts";

/** A service of docker-compose.yml that a command starts, and what belongs to it. */
export type ComposeService = "kafka" | "replication" | "mongo";

/** The ports on loopback, by the names that docker-compose.yml has for them. */
export type ComposePorts = Readonly<Record<string, number>>;

/**
 * The containers of one data folder. Those of `up` share a project; a run beside them has a project of its own for each service, so that its ends do
 * not touch each other, nor the containers of `up`.
 */
export interface ComposeProject {
  readonly name: string;
  /** Whether nothing of it is to stay when it ends: runs that are not `up`'s have fresh data. */
  readonly isThrowaway: boolean;
  /** Fetches the images that are not there; `onProgress` hears what Docker says. @throws StackError */
  pull(service: ComposeService, onProgress: (text: string) => void): Promise<void>;
  /** Starts the service and what it needs, and waits until all are healthy. @throws StackError with the end of the log */
  up(service: ComposeService, ports: ComposePorts, waitSeconds: number): Promise<void>;
  /** Gives the users of the Kafka of one node their permissions. @throws StackError */
  permit(): Promise<void>;
  /** Whether its containers run. */
  runs(service: ComposeService): Promise<boolean>;
  /** Ends and removes the containers; the volumes stay. */
  stop(service: ComposeService): Promise<void>;
  /** Removes containers, networks and, if so asked, volumes. */
  down(withVolumes: boolean): Promise<void>;
}

/** What `replication` stands for. */
const CONTAINERS: Readonly<Record<ComposeService, readonly string[]>> = {
  kafka: ["kafka"],
  replication: ["kafka-1", "kafka-2", "kafka-3", "replication"],
  mongo: ["mongo"],
};

const KEPT_OUTPUT = 200_000;

/** The project of a data folder. `root` is where docker-compose.yml and .env lie; `dataDir` says whose it is, `service` what of it is meant. */
export function composeProject(root: string, dataDir: string = path.join(stateFolder(root), "data"), service: string = ""): ComposeProject {
  const isThrowaway = path.resolve(dataDir) !== path.join(path.resolve(stateFolder(root)), "data");
  const suffix = createHash("sha1").update(path.resolve(dataDir)).digest("hex").slice(0, 8);
  const name = isThrowaway ? `streamlab-${suffix}-${service}` : "streamlab";
  const options = (extra: Partial<IDockerComposeOptions> = {}, ports: ComposePorts = {}): IDockerComposeOptions => ({
    cwd: root,
    config: path.join(root, "docker-compose.yml"),
    composeOptions: [
      ["--project-name", name],
      ["--env-file", secretsFile(root)],
      ["--profile", "replication"],
    ],
    env: { ...process.env, ...Object.fromEntries(Object.entries(ports).map(([key, port]) => [key, String(port)])) },
    maxOutputLength: KEPT_OUTPUT,
    ...extra,
  });
  const run = async (failed: string, call: Promise<IDockerComposeResult>, log?: () => Promise<string>): Promise<IDockerComposeResult> => {
    try {
      return await call;
    } catch (thrown) {
      throw dockerFailure(failed, thrown, await log?.());
    }
  };
  const logOf = async (service: ComposeService): Promise<string> => {
    const asked = dockerCompose.logs(
      [...CONTAINERS[service]],
      options({ commandOptions: ["--no-color", "--no-log-prefix", ["--tail", "20"]] }),
    );
    return asked.then(
      ({ out }) => out,
      () => "",
    );
  };
  return {
    name,
    isThrowaway,
    pull: async (service, onProgress) => {
      const say = (chunk: Buffer): void => onProgress(chunk.toString("utf8"));
      const pulling = dockerCompose.pullMany(
        [...CONTAINERS[service]],
        options({ commandOptions: [["--policy", "missing"]], callback: say }),
      );
      await run(`Cannot fetch the image of ${service}`, pulling);
    },
    up: async (service, ports, waitSeconds) => {
      const commandOptions = ["--wait", ["--wait-timeout", String(waitSeconds)]];
      const starting = dockerCompose.upMany([...CONTAINERS[service]], options({ commandOptions }, ports));
      await run(`The container of ${service} did not start`, starting, () => logOf(service));
    },
    permit: async () => {
      const permitting = dockerCompose.exec("kafka", ["/bin/bash", "/opt/streamlab/permissions.sh"], options());
      await run("Cannot give the users of Kafka their permissions", permitting);
    },
    runs: async (service) => {
      const commandOptions = ["-q", ["--status", "running"], ...CONTAINERS[service]];
      const { out } = await run(`Cannot look at the containers of ${service}`, dockerCompose.ps(options({ commandOptions })));
      return out.split("\n").filter((line) => line.trim() !== "").length >= CONTAINERS[service].length;
    },
    stop: async (service) => {
      await run(
        `Cannot end the containers of ${service}`,
        dockerCompose.rm(options({ commandOptions: ["--stop", "--force"] }), ...CONTAINERS[service]),
      );
    },
    down: async (withVolumes) => {
      await run("Cannot remove the containers", dockerCompose.downAll(options({ commandOptions: withVolumes ? ["--volumes"] : [] })));
    },
  };
}

/** Whether Docker, its daemon and Compose v2 are there: their versions. @throws StackError that says which is not */
export async function requireDocker(): Promise<{ readonly engine: string; readonly compose: string }> {
  const engine = await docker(["version", "--format", "{{.Server.Version}}"]);
  const compose = await docker(["compose", "version", "--short"]);
  return { engine, compose };
}

function docker(args: readonly string[]): Promise<string> {
  const failed = "Cannot use Docker";
  return new Promise((resolve, reject) => {
    const child = spawn("docker", args, { stdio: ["ignore", "pipe", "pipe"], windowsHide: true, timeout: 20_000 });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (err = (err + text).slice(-4000)));
    child.once("error", (error) => reject(dockerFailure(failed, error)));
    child.once("close", (code, signal) => {
      if (code === 0) resolve(out.trim());
      else reject(dockerFailure(failed, { err: err || `docker ${args[0]} ended with ${code ?? signal}`, out }));
    });
  });
}
