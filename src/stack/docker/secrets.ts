import { createPrivateKey, randomBytes } from "node:crypto";
import { chmodSync, existsSync, readFileSync, statSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { isOpenToOthers, writeFilePrivate } from "../../base/private-file.ts";
import { makeSelfSigned } from "../../base/self-signed.ts";
import { StackError } from "../stack-error.ts";
import { stateFolder } from "../state-folder.ts";

/** What docker-compose.yml does not start without. */
export const SECRETS = [
  "STREAMLAB_KAFKA_CLUSTER_ID",
  "STREAMLAB_KAFKA_WRITER_PASSWORD",
  "STREAMLAB_KAFKA_READER_PASSWORD",
  "STREAMLAB_KAFKA_TLS_KEY",
  "STREAMLAB_KAFKA_TLS_CERTIFICATE",
  "STREAMLAB_MONGO_ROOT_PASSWORD",
  "STREAMLAB_MONGO_LAB_PASSWORD",
] as const;

type SecretName = (typeof SECRETS)[number];

/** The secrets of the containers, by the names that docker-compose.yml has for them. */
export type Secrets = Readonly<Record<SecretName, string>>;

const PASSWORD_BYTES = 24;

/** The file beside docker-compose.yml that Compose reads by itself. It is in .gitignore. */
export function secretsFile(root: string): string {
  return path.join(root, ".env");
}

/**
 * The secrets in .env. What is not there yet is made up and written, with mode 0600; other lines of the file stay. A secret that is there but empty is
 * refused: somebody wanted no password.
 * @throws StackError DOCKER_SECRETS
 */
export function ensureSecrets(root: string): Promise<Secrets> {
  const ensuring = (underWay.get(root) ?? Promise.resolve(undefined)).catch(() => undefined).then(() => ensureOnce(root));
  underWay.set(root, ensuring);
  return ensuring;
}

/** By folder: two servers that start at once must not make up two sets. */
const underWay = new Map<string, Promise<Secrets>>();

async function ensureOnce(root: string): Promise<Secrets> {
  const file = secretsFile(root);
  const text = existsSync(file)
    ? readFileSync(file, "utf8")
    : "# Passwords of the containers of this folder's labs. Keep it to yourself.\n";
  const found = parse(text);
  const empty = SECRETS.find((name) => found.get(name) === "");
  if (empty !== undefined) throw emptySecret(empty);
  const missing = SECRETS.filter((name) => !found.has(name));
  if (missing.length > 0) {
    const made = await makeUp(missing.some((name) => name.startsWith("STREAMLAB_KAFKA_TLS")));
    for (const [name, value] of Object.entries(made)) if (missing.includes(name as SecretName) || isTls(name)) found.set(name, value);
    const kept = text.split("\n").filter((line) => !SECRETS.some((name) => line.startsWith(`${name}=`)));
    const body = kept.join("\n").replace(/\n*$/, "\n");
    await writeFilePrivate(file, body + SECRETS.map((name) => `${name}=${found.get(name) ?? ""}\n`).join(""));
  } else if (isOpenToOthers(statSync(file).mode)) chmodSync(file, 0o600);
  const secrets = Object.fromEntries(SECRETS.map((name) => [name, found.get(name) ?? ""])) as Secrets;
  await writeClientFiles(root, secrets);
  return secrets;

  function isTls(name: string): boolean {
    return name.startsWith("STREAMLAB_KAFKA_TLS") && missing.some((one) => one.startsWith("STREAMLAB_KAFKA_TLS"));
  }
}

/** The secrets that an earlier run has written. @throws StackError DOCKER_SECRETS where one is missing or empty */
export function readSecrets(root: string): Secrets {
  const file = secretsFile(root);
  const found = parse(existsSync(file) ? readFileSync(file, "utf8") : "");
  const bad = SECRETS.find((name) => !found.get(name));
  if (bad !== undefined) throw emptySecret(bad);
  return Object.fromEntries(SECRETS.map((name) => [name, found.get(name) ?? ""])) as Secrets;
}

function emptySecret(name: string): StackError {
  return new StackError("DOCKER_SECRETS", {
    failed: "Cannot start the containers",
    found: `${name} in .env is empty`,
    remedy: "Remove that line, and the next start makes one up.",
  });
}

function parse(text: string): Map<string, string> {
  const entries = [...text.matchAll(/^([A-Z0-9_]+)=(.*)$/gm)];
  return new Map(entries.map(([, name = "", value = ""]) => [name, value.trim().replace(/^"(.*)"$|^'(.*)'$/, "$1$2")]));
}

async function makeUp(withTls: boolean): Promise<Readonly<Record<string, string>>> {
  const password = (): string => randomBytes(PASSWORD_BYTES).toString("base64url");
  const tls = withTls ? await makeCertificate() : { key: "", certificate: "" };
  const base64 = (pem: string): string => Buffer.from(pem.trim()).toString("base64");
  return {
    STREAMLAB_KAFKA_CLUSTER_ID: randomBytes(16).toString("base64url").replace(/^-/, "A"),
    STREAMLAB_KAFKA_WRITER_PASSWORD: password(),
    STREAMLAB_KAFKA_READER_PASSWORD: password(),
    STREAMLAB_MONGO_ROOT_PASSWORD: password(),
    STREAMLAB_MONGO_LAB_PASSWORD: password(),
    ...(withTls ? { STREAMLAB_KAFKA_TLS_KEY: base64(tls.key), STREAMLAB_KAFKA_TLS_CERTIFICATE: base64(tls.certificate) } : {}),
  };
}

/** A key (PKCS #8, and plain line ends, which is what Kafka reads) with its self-signed certificate for localhost. */
async function makeCertificate(): Promise<{ readonly key: string; readonly certificate: string }> {
  const made = await makeSelfSigned("localhost", ["localhost", "127.0.0.1"]);
  return {
    key: createPrivateKey(made.key).export({ type: "pkcs8", format: "pem" }) as string,
    certificate: made.cert.replaceAll("\r", ""),
  };
}

/** The folder with what clients of the containers' SASL_SSL listener need. */
export function clientFolder(root: string): string {
  return path.join(stateFolder(root), "docker");
}

/** For each user of Kafka a file for `--command-config`, and the certificate that they trust. */
async function writeClientFiles(root: string, secrets: Secrets): Promise<void> {
  const folder = clientFolder(root);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const ca = path.join(folder, "kafka-ca.pem");
  await writeFile(ca, `${Buffer.from(secrets.STREAMLAB_KAFKA_TLS_CERTIFICATE, "base64").toString()}\n`);
  for (const [user, password] of [
    ["writer", secrets.STREAMLAB_KAFKA_WRITER_PASSWORD],
    ["reader", secrets.STREAMLAB_KAFKA_READER_PASSWORD],
  ] as const) {
    const jaas = `org.apache.kafka.common.security.scram.ScramLoginModule required username="${user}" password="${password}";`;
    const lines = [
      "security.protocol=SASL_SSL",
      "sasl.mechanism=SCRAM-SHA-512",
      `sasl.jaas.config=${jaas}`,
      "ssl.truststore.type=PEM",
      `ssl.truststore.location=${ca.replaceAll("\\", "\\\\")}`,
    ];
    await writeFilePrivate(path.join(folder, `${user}.properties`), `${lines.join("\n")}\n`);
  }
}
