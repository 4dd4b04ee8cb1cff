import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { projectRoot } from "../../src/base/project.ts";
import { SECRETS } from "../../src/stack/docker/secrets.ts";

/** What the rules look at in a service of a compose file. */
interface Service {
  readonly image?: string;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly privileged?: boolean;
  readonly network_mode?: string;
  readonly pid?: string;
  readonly cap_add?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly mem_limit?: string;
  readonly pids_limit?: number;
  readonly ports?: readonly unknown[];
  readonly networks?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly volumes?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck?: { readonly test?: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition?: string }>>;
}

interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<
    Record<string, { readonly internal?: boolean; readonly driver_opts?: Readonly<Record<string, string>> } | null>
  >;
  readonly volumes: Readonly<Record<string, unknown>>;
}

/** Each rule of docs/docker.md: what is wrong with a service, or nothing. */
const RULES: Readonly<Record<string, (service: Service, file: ComposeFile) => string | undefined>> = {
  "the image is pinned by tag and digest": ({ image = "" }) =>
    /^[\w./-]+:\d+\.\d+\.\d+@sha256:[0-9a-f]{64}$/.test(image) ? undefined : image,
  "it does not run as root": ({ user = "" }) => (/^[1-9]\d*:[1-9]\d*$/.test(user) ? undefined : `user "${user}"`),
  "its file system is read only, with memory for what must be written": ({ read_only: readOnly, tmpfs = [] }) =>
    readOnly === true && tmpfs.some((mount) => mount.startsWith("/tmp")) ? undefined : "no read_only with a tmpfs at /tmp",
  "every tmpfs is bounded": ({ tmpfs = [] }) => tmpfs.find((mount) => !mount.includes("size=")),
  "it has no capability": ({ cap_drop: drop = [], cap_add: add = [] }) =>
    drop.includes("ALL") && add.length === 0 ? undefined : "cap_drop",
  "it cannot gain privileges": ({ security_opt: options = [], privileged }) =>
    options.includes("no-new-privileges:true") && privileged !== true ? undefined : "security_opt",
  "memory and processes are limited": ({ mem_limit: memory, pids_limit: pids }) =>
    memory !== undefined && /^\d+[mg]$/.test(memory) && pids !== undefined && pids > 0 ? undefined : "no limit",
  "ports are published on loopback only": ({ ports = [] }) =>
    ports.map(String).find((port) => !/^127\.0\.0\.1:\$\{\w+:-\d+\}:\d+$/.test(port)),
  "it is on the internal network, and on no network that reaches the outside": ({ networks = [], network_mode: mode, pid }, file) => {
    if (mode !== undefined || pid !== undefined) return "network_mode or pid";
    if (!networks.some((name) => file.networks[name]?.internal === true)) return "not on an internal network";
    const open = (name: string): boolean =>
      file.networks[name]?.internal !== true &&
      file.networks[name]?.driver_opts?.["com.docker.network.bridge.enable_ip_masquerade"] !== "false";
    return networks.find(open);
  },
  "it says whether it is healthy": ({ healthcheck }) => (healthcheck?.test?.[0] === "CMD" ? undefined : "no healthcheck"),
  "what it depends on must be healthy": ({ depends_on: needs = {} }) =>
    Object.keys(needs).find((name) => needs[name]?.condition !== "service_healthy"),
  "data lie in named volumes; files of the project are read only": ({ volumes = [] }, file) =>
    volumes.find((volume) => {
      const [source = "", , mode] = volume.split(":");
      return source.startsWith("./docker/") ? mode !== "ro" : !(source in file.volumes);
    }),
  "no password is written down, and none may be empty": ({ environment = {} }) =>
    Object.keys(environment).find(
      (name) => /PASSWORD|SECRET|KEY|TOKEN|CERTIFICATE/.test(name) && !/^\$\{STREAMLAB_\w+:\?[^}]+\}$/.test(environment[name] ?? ""),
    ),
};

const text = readFileSync(path.join(projectRoot, "docker-compose.yml"), "utf8");
const file = parse(text, { merge: true }) as ComposeFile;

/** `service: what is wrong`, for each service that breaks a rule. */
function broken(rule: keyof typeof RULES, of: ComposeFile): string[] {
  return Object.entries(of.services).flatMap(([name, service]) => {
    const wrong = RULES[rule]?.(service, of);
    return wrong === undefined ? [] : [`${name}: ${wrong}`];
  });
}

test.each(Object.keys(RULES))("%s", (rule) => {
  expect(broken(rule, file)).toEqual([]);
});

test("every rule notices a service that keeps none of them", () => {
  const careless: Service = {
    image: "mongo:latest",
    tmpfs: ["/tmp"],
    ports: ["27017:27017"],
    networks: ["default"],
    depends_on: { other: { condition: "service_started" } },
    volumes: ["./data:/data/db"],
    environment: { MONGO_INITDB_ROOT_PASSWORD: "example" },
  };
  const open: ComposeFile = { services: { careless }, networks: { default: null }, volumes: {} };
  expect(Object.keys(RULES).filter((rule) => broken(rule, open).length === 0)).toEqual([]);
});

test("the secrets that the file asks for are those that the first start makes up", () => {
  const asked = new Set([...text.matchAll(/\$\{(STREAMLAB_\w+):\?/g)].map((found) => found[1]));
  expect([...asked].sort()).toEqual([...SECRETS].sort());
});

test("there is a Kafka, a Kafka of three nodes and a MongoDB", () => {
  expect(Object.keys(file.services)).toEqual(["kafka", "kafka-1", "kafka-2", "kafka-3", "replication", "mongo"]);
});
