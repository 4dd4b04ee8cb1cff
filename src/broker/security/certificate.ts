import { X509Certificate, createPrivateKey } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { TlsOptions } from "node:tls";
import { messageOf } from "../../base/errors.ts";
import { writeFilePrivate } from "../../base/private-file.ts";
import { makeSelfSigned, stillServes } from "../../base/self-signed.ts";
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

async function selfSigned(folder: string, hosts: readonly string[]): Promise<{ cert: string; key: string }> {
  const files = { cert: path.join(folder, "ca.pem"), key: path.join(folder, "key.pem") };
  const kept = await readFile(files.cert, "utf8").catch(() => undefined);
  if (kept !== undefined && stillServes(kept, hosts)) return files;
  const made = await makeSelfSigned("Kafka-protocol development broker", hosts, true);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFilePrivate(files.key, made.key);
  await writeFilePrivate(files.cert, made.cert);
  return files;
}
