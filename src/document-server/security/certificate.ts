import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { writeFileAtomic } from "../../base/atomic-file.ts";
import { messageOf } from "../../base/errors.ts";
import { writeFilePrivate } from "../../base/private-file.ts";
import { type KeyPair, makeSelfSigned, stillServes } from "../../base/self-signed.ts";
import { DocumentServerError } from "../failure.ts";

/** TLS of the listener: a certificate chain and its private key as PEM, in files or as text; with none of them the server makes its own. */
export interface ServerTls {
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** What the listener serves. `cert` is also what clients are to trust (tlsCAFile) where the server made it. */
export type Certificate = KeyPair;

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
    if (cert !== undefined && key !== undefined && stillServes(cert, hosts)) return { cert, key };
  }
  const made = await makeSelfSigned("MongoDB-protocol development server", hosts);
  if (folder !== undefined && files) {
    await mkdir(folder, { recursive: true });
    await writeFilePrivate(files.key, made.key);
    await writeFileAtomic(files.cert, made.cert);
  }
  return made;
}
