import { X509Certificate, createPrivateKey } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { isIP } from "node:net";
import path from "node:path";
import type { TlsOptions } from "node:tls";
import { codeOf, messageOf } from "../../base/errors.ts";
import { writeFilePrivate } from "./private-file.ts";
import { BrokerError } from "../broker-error.ts";

/** TLS of a broker: files in PEM, or nothing at all for a certificate of its own making. */
export interface BrokerTls {
  /** The certificate, and those between it and its authority. */
  readonly certFile?: string;
  readonly keyFile?: string;
  /** The authority of the clients' certificates; by default that of the broker's own. */
  readonly clientCaFile?: string;
  /** Whether clients show certificates (`ssl.client.auth`); their subject is then their name, "User:CN=…". "none" by default. */
  readonly clientAuth?: "none" | "requested" | "required";
}

/** What listeners with TLS need, and the file that clients are to trust. */
export interface ServerCertificate {
  readonly options: TlsOptions;
  readonly caFile: string;
}

const DAYS = 825;
/** A certificate of our own making is made anew when it has less than this left. */
const RENEW_BEFORE_MS = 7 * 86_400_000;
const WHAT = "Cannot serve TLS";

/**
 * The broker's certificate: the given files, or `ca.pem` and `key.pem` in `folder`, made on first use for localhost, the loopback addresses and
 * `hosts`, and again when they expire or when a host is missing. Throws CANNOT_LISTEN where the files cannot be used.
 */
export async function serverCertificate(tls: BrokerTls, folder: string, hosts: readonly string[]): Promise<ServerCertificate> {
  if ((tls.certFile === undefined) !== (tls.keyFile === undefined)) {
    throw new BrokerError("INVALID_OPTION", {
      failed: WHAT,
      found: `only a ${tls.certFile === undefined ? "key" : "certificate"} is given`,
      remedy: "Give the files of both, or of neither for a certificate of the broker's own making.",
    });
  }
  const files =
    tls.certFile !== undefined && tls.keyFile !== undefined
      ? { cert: tls.certFile, key: tls.keyFile }
      : await selfSigned(folder, [...new Set(["localhost", "127.0.0.1", "::1", ...hosts])]);
  const [cert, key] = [await readPem(files.cert), await readPem(files.key)];
  checkPair(cert, key, files);
  const { clientAuth = "none" } = tls;
  return {
    caFile: files.cert,
    options: {
      cert,
      key,
      minVersion: "TLSv1.2",
      requestCert: clientAuth !== "none",
      rejectUnauthorized: clientAuth === "required",
      ...(clientAuth === "none" ? {} : { ca: await readPem(tls.clientCaFile ?? files.cert) }),
    },
  };
}

async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new BrokerError("CANNOT_LISTEN", { failed: WHAT, found: messageOf(cause), remedy: "Name PEM files that are there.", cause });
  }
}

function checkPair(cert: string, key: string, files: { readonly cert: string; readonly key: string }): void {
  let found: string;
  try {
    if (new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) return;
    found = `${files.key} is not the key of ${files.cert}`;
  } catch (thrown) {
    found = `${files.cert} and ${files.key} cannot be read: ${messageOf(thrown)}`;
  }
  throw new BrokerError("CANNOT_LISTEN", { failed: WHAT, found, remedy: "Give a certificate and its unencrypted key, both as PEM." });
}

/** Whether a certificate is there that still holds and has all the names. */
async function isUsable(file: string, hosts: readonly string[]): Promise<boolean> {
  try {
    const certificate = new X509Certificate(await readFile(file, "utf8"));
    if (Date.parse(certificate.validTo) - Date.now() < RENEW_BEFORE_MS) return false;
    return hosts.every((host) => (isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined);
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return false;
    return false;
  }
}

async function selfSigned(folder: string, hosts: readonly string[]): Promise<{ cert: string; key: string }> {
  const files = { cert: path.join(folder, "ca.pem"), key: path.join(folder, "key.pem") };
  if (await isUsable(files.cert, hosts)) return files;
  const { generate } = (await import("selfsigned")).default;
  const made = await new Promise<{ private: string; cert: string }>((resolve, reject) => {
    const altNames = hosts.map((host) => (isIP(host) ? { type: 7, ip: host } : { type: 2, value: host }));
    const extensions = [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, digitalSignature: true, keyEncipherment: true, critical: true },
      { name: "extKeyUsage", serverAuth: true, clientAuth: true },
      { name: "subjectAltName", altNames },
    ];
    const subject = [{ name: "commonName", value: "Kafka-protocol development broker" }];
    generate(subject, { keySize: 2048, days: DAYS, algorithm: "sha256", extensions }, (failed, pems) =>
      failed ? reject(failed) : resolve(pems),
    );
  });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFilePrivate(files.key, made.private);
  await writeFilePrivate(files.cert, made.cert);
  return files;
}
