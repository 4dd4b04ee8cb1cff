import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { clientProperties, parseJaas, parseProperties, readClientProperties } from "./client-properties.ts";

const PEM = `-----BEGIN ${"CERTIFICATE"}-----\nMIIB\n-----END CERTIFICATE-----\n`;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "client-properties-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("properties are read as java.util.Properties does", () => {
  const text = [
    "# comment",
    "  ! another",
    "a=1",
    "b : two words ",
    "c three",
    "long=one\\",
    "   two",
    "with\\=sign=x\\ty",
    "uni=\\u00e9\\\\",
    "empty",
    "",
  ].join("\r\n");
  expect(Object.fromEntries(parseProperties(text))).toEqual({
    a: "1",
    b: "two words ",
    c: "three",
    long: "onetwo",
    "with=sign": "x\ty",
    uni: "é\\",
    empty: "",
  });
});

test("a JAAS text gives user and password, also with quotes and signs in them", () => {
  const jaas = 'org.apache.kafka.common.security.scram.ScramLoginModule required username="al=ice" password="a \\"b\\" ;c=d" x=y;';
  expect(Object.fromEntries(parseJaas(jaas))).toEqual({ username: "al=ice", password: 'a "b" ;c=d', x: "y" });
  expect(parseJaas("no login module here").size).toBe(0);
});

test("a file for SASL_SSL gives authority, mechanism and login; everything stays readable by name", async () => {
  const ca = path.join(folder, "ca.pem");
  const file = path.join(folder, "client.properties");
  await writeFile(ca, PEM);
  await writeFile(
    file,
    [
      "bootstrap.servers=a:1, b:2",
      "security.protocol=SASL_SSL",
      "sasl.mechanism=SCRAM-SHA-512",
      'sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="alice" \\',
      '  password="secret";',
      "ssl.truststore.type=PEM",
      `ssl.truststore.location=${ca}`,
      "acks=all",
    ].join("\n"),
  );
  const { connection, all } = readClientProperties(file);
  expect(connection).toEqual({
    brokers: ["a:1", "b:2"],
    ssl: { ca: PEM },
    sasl: { mechanism: "scram-sha-512", username: "alice", password: "secret" },
  });
  expect(all.get("acks")).toBe("all");
});

test.each([
  [{ "security.protocol": "TLS" }, /security.protocol in f is "TLS"/],
  [{ "security.protocol": "SSL", "ssl.truststore.location": "/x/store.jks" }, /ssl.truststore.type in f is "JKS".*Set it to PEM/],
  [{ "security.protocol": "SSL", "ssl.endpoint.identification.algorithm": "" }, /always checked/],
  [{ "security.protocol": "SSL", "ssl.truststore.location": "/nowhere/ca.pem" }, /no such file/],
  [{ "security.protocol": "SSL", "ssl.truststore.type": "PEM", "ssl.truststore.location": import.meta.filename }, /holds no certificate/],
  [{ "security.protocol": "SASL_SSL", "sasl.mechanism": "GSSAPI" }, /sasl.mechanism in f is "gssapi"/],
  [{ "security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN" }, /names no user and password/],
])("%o is refused with what to write instead", (properties, message) => {
  expect(() => clientProperties(new Map(Object.entries(properties)), "f")).toThrow(message);
});

test("the password is in no message", () => {
  const jaas = 'x.PlainLoginModule required username="alice" password="hush";';
  const properties = { "security.protocol": "SASL_SSL", "sasl.mechanism": "NONE", "sasl.jaas.config": jaas };
  expect(() => clientProperties(new Map(Object.entries(properties)), "f")).toThrow(expect.not.stringContaining("hush") as Error);
  expect(() => clientProperties(new Map(Object.entries(properties)), "f")).toThrow(/NONE|none/);
});
