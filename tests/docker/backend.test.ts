import { copyFileSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { projectRoot } from "../../src/base/project.ts";
import { composeProject, requireDocker } from "../../src/stack/docker/compose.ts";
import { withMongoLogin } from "../../src/stack/docker/docker-server.ts";
import { ensureSecrets, secretsFile } from "../../src/stack/docker/secrets.ts";
import { startService, type ServiceProcess } from "../../src/stack/service-process.ts";
import { createFakeDocker, type FakeDocker, type Fate } from "./fake-docker.ts";

let root = "";
let docker: FakeDocker;
let keeper: ServiceProcess | undefined;

beforeEach(async () => {
  root = mkdtempSync(path.join(tmpdir(), "streamlab-docker-"));
  docker = createFakeDocker(root);
  vi.stubEnv("PATH", `${docker.folder}${path.delimiter}${process.env.PATH ?? ""}`);
  copyFileSync(path.join(projectRoot, "docker-compose.yml"), path.join(root, "docker-compose.yml"));
  await ensureSecrets(root);
});
afterEach(async () => {
  await keeper?.stop();
  keeper = undefined;
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true, force: true });
});

/** The keeper of the containers, as `up` starts it. */
function keep(service: string, port: number, data: string = path.join(root, ".streamlab/data")): Promise<ServiceProcess> {
  const args = ["--service", service, "--port", String(port), "--data", data, "--root", root];
  return startService({ name: `${service} container`, module: "stack/docker/main.ts", args });
}

/** What Compose was asked to do, without the options that say which project, and without looks at what runs. */
function asked(): string[] {
  return docker
    .calls()
    .filter(({ args }) => args[0] === "compose" && args.includes("-f"))
    .map(({ args }) => args.slice(args.indexOf("-f") + 2).join(" "))
    .filter((command) => !command.startsWith("ps "));
}

describe.skipIf(process.platform === "win32")("containers", () => {
  test("the keeper starts them on the asked port, waits until they are healthy, and removes them without their volumes", async () => {
    keeper = await keep("kafka", 19_095);
    expect(keeper.ready).toMatchObject({ address: "127.0.0.1:19095", project: "streamlab" });
    const [up] = docker.calls();
    expect(up?.args).toEqual([
      "compose",
      ...["--project-name", "streamlab", "--env-file", secretsFile(root), "--profile", "replication"],
      ...["-f", path.join(root, "docker-compose.yml")],
      ...["up", "--wait", "--wait-timeout", "300", "-d", "kafka"],
    ]);
    expect(up?.ports).toMatchObject({
      STREAMLAB_KAFKA_PORT: "19095",
      STREAMLAB_KAFKA_SECURE_PORT: expect.stringMatching(/^\d+$/) as string,
    });
    expect(asked()[1]).toMatch(/^exec .*kafka \/bin\/bash \/opt\/streamlab\/permissions\.sh$/);
    await keeper.stop();
    expect(asked().at(-1)).toMatch(/^rm .*--stop.* kafka$/);
    expect(asked().join("\n")).not.toContain("volumes");
    expect(statSync(secretsFile(root)).mode & 0o777).toBe(0o600);
  });

  test("no secret stands on a command line", async () => {
    keeper = await keep("mongo", 27_099);
    const secrets = Object.values(await ensureSecrets(root));
    for (const { args } of docker.calls()) for (const secret of secrets) expect(args.join(" ")).not.toContain(secret);
  });

  test("the address of the keeper holds no password; a client's does", async () => {
    keeper = await keep("mongo", 27_099);
    expect(keeper.ready.address).toBe("mongodb://127.0.0.1:27099");
    const { STREAMLAB_MONGO_LAB_PASSWORD: password } = await ensureSecrets(root);
    expect(withMongoLogin("mongodb://127.0.0.1:27099", root)).toBe(
      `mongodb://lab:${password}@127.0.0.1:27099/?authSource=admin&authMechanism=SCRAM-SHA-256`,
    );
  });

  test("three nodes are one service with three addresses (B7, B8)", async () => {
    keeper = await keep("replication", 19_092);
    expect(keeper.ready.address).toMatch(/^127\.0\.0\.1:19092,127\.0\.0\.1:\d+,127\.0\.0\.1:\d+$/);
    expect(asked()[0]).toMatch(/ kafka-1 kafka-2 kafka-3 replication$/);
  });

  test("a run beside `up` has containers and volumes of its own, of which nothing stays", async () => {
    keeper = await keep("kafka", 19_096, path.join(root, ".streamlab/runs/1"));
    expect(keeper.ready.project).toMatch(/^streamlab-[0-9a-f]{8}-kafka$/);
    await keeper.stop();
    expect(asked().at(-1)).toBe("down --volumes");
  });

  test("down keeps the volumes, unless it is told otherwise", async () => {
    const project = composeProject(root);
    await project.down(false);
    await project.down(true);
    expect(asked()).toEqual(["down", "down --volumes"]);
  });

  test("what Docker tells while it fetches images is passed on; an image that cannot be fetched is said", async () => {
    const project = composeProject(root);
    await project.pull("kafka", () => undefined);
    expect(asked()).toEqual(["pull --policy missing kafka"]);
    docker.fate("no image");
    await expect(project.pull("kafka", () => undefined)).rejects.toMatchObject({ code: "DOCKER_IMAGE", message: /Look at the network/ });
  });

  test("a container that is not healthy is said with the end of its log", async () => {
    docker.fate("unhealthy");
    await expect(keep("kafka", 19_097)).rejects.toThrow(/is unhealthy; its log ends with: ERROR Exiting Kafka due to a fatal exception/);
    expect(asked().at(-1)).toMatch(/^rm .*kafka$/);
  });
});

describe.skipIf(process.platform === "win32")("Docker is not as it must be", () => {
  const cases: readonly (readonly [Fate, string, RegExp])[] = [
    [
      "no daemon",
      "DOCKER_NOT_RUNNING",
      /^Cannot use Docker \(the Docker daemon does not run: .*\)\. Start Docker Desktop, or .* --kafka embedded/,
    ],
    [
      "not allowed",
      "DOCKER_NOT_ALLOWED",
      /^Cannot use Docker \(this user may not use the Docker daemon: .*\)\. Add yourself to the group "docker"/,
    ],
    ["no compose", "COMPOSE_MISSING", /^Cannot use Docker \(there is no Docker Compose v2: .*\)\. Install the compose plugin/],
  ];
  test.each(cases)("%s: %s", async (fate, code, message) => {
    docker.fate(fate);
    await expect(requireDocker()).rejects.toMatchObject({ code, message });
  });

  test("no docker program", async () => {
    vi.stubEnv("PATH", root);
    await expect(requireDocker()).rejects.toMatchObject({
      code: "DOCKER_MISSING",
      message: /there is no docker program on PATH\)\. Install Docker/,
    });
  });

  test("a port that is in use, and a secret that is empty", async () => {
    docker.fate("port in use");
    await expect(composeProject(root).up("kafka", {}, 1)).rejects.toMatchObject({ code: "PORT_IN_USE", message: /--kafka-port/ });
    await expect(requireDocker()).resolves.toEqual({ engine: "28.2.2", compose: "2.39.1" });
  });
});
