import { X509Certificate } from "node:crypto";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import path from "node:path";
import { writeFileAtomic } from "../../base/atomic-file.ts";
import { messageOf } from "../../base/errors.ts";
import { DocumentServerError } from "../failure.ts";

/** TLS of the listener: a certificate chain and its private key as PEM, in files or as text; with none of them the server makes its own. */
export interface ServerTls {
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** What the listener serves. `cert` is also what clients are to trust (tlsCAFile) where the server made it. */
export type Certificate = { readonly cert: string; readonly key: string };

const DAYS = 825;
const RENEW_BEFORE_MS = 7 * 86_400_000;

/** Reads, or makes and keeps in `folder` (nowhere when undefined), the certificate. Throws TLS_UNUSABLE. */
export async function serverCertificate(tls: ServerTls, folder: string | undefined, host: string): Promise<Certificate> {
  try {
    if (tls.cert !== undefined && tls.key !== undefined) return { cert: tls.cert, key: tls.key };
    if (tls.certFile !== undefined && tls.keyFile !== undefined)
      return { cert: await readFile(tls.certFile, "utf8"), key: await readFile(tls.keyFile, "utf8") };
    return await ownCertificate(folder, [...new Set(["localhost", "127.0.0.1", "::1", host])]);
  } catch (cause) {
    throw new DocumentServerError("TLS_UNUSABLE", {
      failed: "Cannot start the MongoDB-protocol development server with TLS",
      found: messageOf(cause),
      remedy: "Give a certificate and its private key as PEM, both.",
      cause,
    });
  }
}

async function ownCertificate(folder: string | undefined, hosts: readonly string[]): Promise<Certificate> {
  const files = folder === undefined ? undefined : { cert: path.join(folder, "ca.pem"), key: path.join(folder, "key.pem") };
  if (files) {
    const cert = await readFile(files.cert, "utf8").catch(() => undefined);
    const key = await readFile(files.key, "utf8").catch(() => undefined);
    if (cert !== undefined && key !== undefined && isUsable(cert, hosts)) return { cert, key };
  }
  const { generate } = (await import("selfsigned")).default;
  const altNames = hosts.map((name) => (isIP(name) ? { type: 7, ip: name } : { type: 2, value: name }));
  const extensions = [
    { name: "basicConstraints", cA: true, critical: true },
    { name: "keyUsage", keyCertSign: true, digitalSignature: true, keyEncipherment: true, critical: true },
    { name: "extKeyUsage", serverAuth: true },
    { name: "subjectAltName", altNames },
  ];
  const subject = [{ name: "commonName", value: "MongoDB-protocol development server" }];
  const made = await new Promise<{ private: string; cert: string }>((resolve, reject) => {
    generate(subject, { keySize: 2048, days: DAYS, algorithm: "sha256", extensions }, (failed, pems) =>
      failed ? reject(failed) : resolve(pems),
    );
  });
  if (folder !== undefined && files) {
    await mkdir(folder, { recursive: true });
    await writeFile(files.key, made.private, { mode: 0o600 });
    await chmod(files.key, 0o600);
    await writeFileAtomic(files.cert, made.cert);
  }
  return { cert: made.cert, key: made.private };
}

function isUsable(cert: string, hosts: readonly string[]): boolean {
  try {
    const certificate = new X509Certificate(cert);
    if (Date.parse(certificate.validTo) - Date.now() < RENEW_BEFORE_MS) return false;
    return hosts.every((host) => (isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined);
  } catch {
    return false;
  }
}
