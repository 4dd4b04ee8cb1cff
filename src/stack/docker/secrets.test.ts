import { X509Certificate, createPrivateKey } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readClientProperties } from "../../kafka/client-properties.ts";
import { clientFolder, ensureSecrets, readSecrets, SECRETS, secretsFile } from "./secrets.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "streamlab-secrets-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const modeOf = (file: string): number => statSync(file).mode & 0o777;

test("the first start makes secrets up, for the owner alone; later starts find them (S7, S8)", async () => {
  const made = await ensureSecrets(root);
  expect(Object.keys(made).sort()).toEqual([...SECRETS].sort());
  expect(new Set(Object.values(made)).size).toBe(SECRETS.length);
  for (const name of SECRETS.filter((one) => one.includes("PASSWORD"))) expect(made[name]).toMatch(/^[\w-]{32}$/);
  expect(modeOf(secretsFile(root))).toBe(0o600);
  expect(await ensureSecrets(root)).toEqual(made);
  expect(readSecrets(root)).toEqual(made);
});

test("two servers that start at once make up one set", async () => {
  const [one, other] = await Promise.all([ensureSecrets(root), ensureSecrets(root)]);
  expect(other).toEqual(one);
  expect(readSecrets(root)).toEqual(one);
});

test("the key belongs to the certificate, which is good for localhost", async () => {
  const { STREAMLAB_KAFKA_TLS_KEY: key, STREAMLAB_KAFKA_TLS_CERTIFICATE: pem } = await ensureSecrets(root);
  const certificate = new X509Certificate(Buffer.from(pem, "base64"));
  const privateKey = Buffer.from(key, "base64").toString();
  expect(privateKey).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
  expect(certificate.checkPrivateKey(createPrivateKey(privateKey))).toBe(true);
  expect([certificate.checkHost("localhost"), certificate.checkIP("127.0.0.1")]).toEqual(["localhost", "127.0.0.1"]);
});

test("other lines of .env stay, a file that others can read becomes private", async () => {
  writeFileSync(secretsFile(root), "MY_OWN=1\nSTREAMLAB_MONGO_LAB_PASSWORD=mine\n", { mode: 0o644 });
  const made = await ensureSecrets(root);
  expect(made.STREAMLAB_MONGO_LAB_PASSWORD).toBe("mine");
  expect(readFileSync(secretsFile(root), "utf8")).toMatch(/^MY_OWN=1\n/);
  expect(modeOf(secretsFile(root))).toBe(0o600);
});

test("an empty secret is refused, before anything starts", async () => {
  await ensureSecrets(root);
  const text = readFileSync(secretsFile(root), "utf8");
  writeFileSync(secretsFile(root), text.replace(/(STREAMLAB_MONGO_ROOT_PASSWORD)=.*/, "$1="));
  await expect(ensureSecrets(root)).rejects.toMatchObject({
    code: "DOCKER_SECRETS",
    message: /STREAMLAB_MONGO_ROOT_PASSWORD in \.env is empty/,
  });
  expect(() => readSecrets(root)).toThrow("Remove that line");
});

test("each user of Kafka gets a private file for --command-config that this program reads", async () => {
  const { STREAMLAB_KAFKA_READER_PASSWORD: password } = await ensureSecrets(root);
  const file = path.join(clientFolder(root), "reader.properties");
  expect(modeOf(file)).toBe(0o600);
  expect(existsSync(path.join(clientFolder(root), "writer.properties"))).toBe(true);
  const { connection } = readClientProperties(file);
  expect(connection.sasl).toEqual({ mechanism: "scram-sha-512", username: "reader", password });
  expect(connection.ssl).toMatchObject({ ca: expect.stringContaining("BEGIN CERTIFICATE") as string });
});
