import { readFileSync } from "node:fs";
import { messageOf } from "../base/errors.ts";
import { KafkaError } from "./kafka-error.ts";
import type { KafkaConnection } from "./kafkajs-adapter.ts";

/** What a file of client settings says about a cluster: how to log in to it, and everything as it stands there. */
export type ClientProperties = {
  /** `brokers` only where the file has `bootstrap.servers`. */
  readonly connection: Omit<KafkaConnection, "brokers"> & { readonly brokers?: readonly string[] };
  /** All properties by name, also those that mean nothing here. */
  readonly all: ReadonlyMap<string, string>;
};

/**
 * Reads the file behind `--command-config`, as Kafka's own tools have it: Java properties with `security.protocol`, `sasl.mechanism`,
 * `sasl.jaas.config`, `ssl.truststore.location` (a PEM file) or `ssl.truststore.certificates` (PEM text), `ssl.keystore.location` (a PEM file
 * with key and certificates) or `ssl.keystore.key` with `ssl.keystore.certificate.chain`, `ssl.key.password`, `bootstrap.servers`,
 * `client.id`. Passwords belong here, never on a command line. JKS and PKCS12 stores are refused with how to turn them into PEM, and so is
 * an empty `ssl.endpoint.identification.algorithm`: the name in a certificate is always checked.
 * @throws KafkaError KAFKA_OPTION
 */
export function readClientProperties(file: string): ClientProperties {
  return clientProperties(parseProperties(readText(file, "--command-config")), file);
}

/** The same from properties that are there already; `where` names them in messages. @throws KafkaError KAFKA_OPTION */
export function clientProperties(all: ReadonlyMap<string, string>, where: string): ClientProperties {
  const brokers = (all.get("bootstrap.servers") ?? "")
    .split(",")
    .map((address) => address.trim())
    .filter((address) => address !== "");
  const clientId = all.get("client.id");
  return {
    all,
    connection: {
      ...(brokers.length > 0 ? { brokers } : {}),
      ...(clientId ? { clientId } : {}),
      ...parseSecurity(
        (name) => all.get(name),
        (name) => `${name} in ${where}`,
      ),
    },
  };
}

/** Looks a property of Kafka's clients up by its name. */
export type GetProperty = (name: string) => string | undefined;

/**
 * TLS and login as the settings of Kafka's clients name them. `shown` turns the name of a setting into how a message calls it.
 * @throws KafkaError KAFKA_OPTION
 */
export function parseSecurity(get: GetProperty, shown: (name: string) => string = (name) => name): Pick<KafkaConnection, "ssl" | "sasl"> {
  const protocol = (get("security.protocol") ?? "PLAINTEXT").toUpperCase();
  if (!["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"].includes(protocol))
    throw optionError(`${shown("security.protocol")} is "${protocol}"`, "Set it to PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.");
  return {
    ...(protocol.endsWith("SSL") ? { ssl: parseTls(get, shown) } : {}),
    ...(protocol.startsWith("SASL") ? { sasl: parseSasl(get, shown) } : {}),
  };
}

type Shown = (name: string) => string;

function parseTls(get: GetProperty, shown: Shown): NonNullable<KafkaConnection["ssl"]> {
  for (const store of ["truststore", "keystore"]) {
    const type = get(`ssl.${store}.type`)?.toUpperCase() ?? (get(`ssl.${store}.location`)?.endsWith(".pem") ? "PEM" : undefined);
    const isNamed = type !== undefined || get(`ssl.${store}.location`) !== undefined;
    if (isNamed && type !== "PEM")
      throw optionError(
        `${shown(`ssl.${store}.type`)} is "${type ?? "JKS"}"`,
        `Set it to PEM: certificates and key as text, or as a file that keytool -exportcert -rfc or openssl pkcs12 -nodes has written.`,
      );
  }
  const check = get("ssl.endpoint.identification.algorithm")?.toLowerCase();
  if (check !== undefined && check !== "https")
    throw optionError(
      `${shown("ssl.endpoint.identification.algorithm")} is "${check}"`,
      "Leave it out: the name in a broker's certificate is always checked.",
    );
  const trustFile = get("ssl.truststore.location");
  const keyFile = get("ssl.keystore.location");
  const keyFileText = keyFile === undefined ? undefined : readPem(keyFile, shown("ssl.keystore.location"));
  const ca = get("ssl.truststore.certificates") ?? (trustFile && readPem(trustFile, shown("ssl.truststore.location")));
  const cert = get("ssl.keystore.certificate.chain") ?? keyFileText;
  const key = get("ssl.keystore.key") ?? keyFileText;
  const passphrase = get("ssl.key.password");
  if ((cert === undefined) !== (key === undefined))
    throw optionError(
      `of ${shown("ssl.keystore.certificate.chain")} and ${shown("ssl.keystore.key")} one is missing`,
      "Set both, or neither.",
    );
  if (ca === undefined && cert === undefined) return true;
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { cert, key, ...(passphrase === undefined ? {} : { passphrase }) }),
  };
}

function parseSasl(get: GetProperty, shown: Shown): NonNullable<KafkaConnection["sasl"]> {
  const mechanism = (get("sasl.mechanism") ?? "").toLowerCase();
  if (mechanism !== "plain" && mechanism !== "scram-sha-256" && mechanism !== "scram-sha-512") {
    throw optionError(`${shown("sasl.mechanism")} is "${mechanism}"`, "Set it to PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.");
  }
  const login = parseJaas(get("sasl.jaas.config") ?? "");
  const [username, password] = [login.get("username"), login.get("password")];
  if (username === undefined || password === undefined) {
    throw optionError(`${shown("sasl.jaas.config")} names no user and password`, 'It ends in: required username="…" password="…";');
  }
  return { mechanism, username, password };
}

/** The options of the one login module that a JAAS text names: words, or texts in quotes with backslashes before quotes. */
export function parseJaas(text: string): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  const option = /([A-Za-z0-9_.]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s;"']+))/gsy;
  const modules = /^\s*[\w.$]+\s+(?:required|requisite|sufficient|optional)\s*/i.exec(text)?.[0].length ?? 0;
  for (option.lastIndex = modules; ;) {
    const found = option.exec(text);
    if (!found) return options;
    const value = found[2] ?? found[3];
    options.set(found[1] as string, value === undefined ? (found[4] as string) : value.replace(/\\(.)/gs, "$1"));
    option.lastIndex += /^\s*/.exec(text.slice(option.lastIndex))?.[0].length ?? 0;
  }
}

/** The text of a .properties file as java.util.Properties reads it: comments, continued lines, `=`, `:` or a blank between, `\uXXXX`. */
export function parseProperties(text: string): ReadonlyMap<string, string> {
  const properties = new Map<string, string>();
  let logical = "";
  for (const raw of text.split(/\r\n|\n|\r/)) {
    const line = raw.replace(/^[ \t\f]+/, "");
    if (logical === "" && (line === "" || /^[#!]/.test(line))) continue;
    const continues = (/\\+$/.exec(line)?.[0].length ?? 0) % 2 === 1;
    logical += continues ? line.slice(0, -1) : line;
    if (continues) continue;
    addProperty(properties, logical);
    logical = "";
  }
  if (logical !== "") addProperty(properties, logical);
  return properties;
}

function addProperty(properties: Map<string, string>, line: string): void {
  const name = /^(?:[^\\=: \t\f]|\\.)*/s.exec(line)?.[0] ?? "";
  const value = line.slice(name.length).replace(/^[ \t\f]*[=:]?[ \t\f]*/, "");
  properties.set(unescaped(name), unescaped(value));
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", f: "\f" };

function unescaped(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/gs, (_, code: string | undefined, letter: string) =>
    code === undefined ? (ESCAPES[letter] ?? letter) : String.fromCharCode(Number.parseInt(code, 16)),
  );
}

function readText(file: string, shown: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (thrown) {
    throw optionError(`${shown}: ${messageOf(thrown)}`, "Name a file that is there and may be read.", thrown);
  }
}

function readPem(file: string, shown: string): string {
  const text = readText(file, shown);
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw optionError(`${shown} names ${file}, which holds no certificate`, 'A PEM certificate begins with "-----BEGIN CERTIFICATE-----".');
}

function optionError(found: string, remedy: string, cause?: unknown): KafkaError {
  return new KafkaError("KAFKA_OPTION", {
    failed: "Cannot use these settings to connect to Kafka",
    found,
    remedy,
    ...(cause === undefined ? {} : { cause }),
  });
}
