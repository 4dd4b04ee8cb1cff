import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { codeOf, messageOf } from "../../base/errors.ts";
import { StackError } from "../stack-error.ts";
import { javaProgram } from "./java.ts";
import type { KeyStore } from "./server-properties.ts";

/** A key with its self-signed certificate for 127.0.0.1 and localhost; `pem` is what clients trust. */
export interface Certificate {
  readonly keyStore: KeyStore;
  readonly pem: string;
}

/** Makes a key and a certificate with the JDK's keytool in `folder`, good for a day. @throws StackError JAVA_MISSING, SERVICE_FAILED */
export async function makeCertificate(folder: string, password: string): Promise<Certificate> {
  const file = path.join(folder, "kafka.p12");
  const store = ["-alias", "kafka", "-keystore", file, "-storetype", "PKCS12", "-storepass", password];
  await rm(file, { force: true });
  await keytool(
    "-genkeypair",
    ...store,
    ...["-keyalg", "EC", "-groupname", "secp256r1", "-validity", "1"],
    ...["-dname", "CN=localhost", "-ext", "SAN=dns:localhost,ip:127.0.0.1"],
  );
  return { keyStore: { file, password }, pem: await keytool("-exportcert", "-rfc", ...store) };
}

async function keytool(...args: readonly string[]): Promise<string> {
  try {
    return (await promisify(execFile)(javaProgram("keytool"), args, { timeout: 60_000 })).stdout;
  } catch (thrown) {
    const missing = codeOf(thrown) === "ENOENT";
    throw new StackError(missing ? "JAVA_MISSING" : "SERVICE_FAILED", {
      failed: "Cannot make a certificate for Apache Kafka",
      found: missing ? "no keytool on PATH and none in JAVA_HOME" : messageOf(thrown).split("\n").slice(1, 3).join(" "),
      remedy: "Install a JDK (a bare runtime has no keytool).",
      cause: thrown,
    });
  }
}
