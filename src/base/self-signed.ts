import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";

/** How long a certificate of our own making holds. */
const DAYS = 825;
/** It is made anew when it has less than this left. */
const RENEW_BEFORE_MS = 7 * 86_400_000;

/** A key with its certificate, both as PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/**
 * Makes an RSA key of 2048 bits and a certificate for `hosts` that is its own authority. `forClients`: clients may show it, too. The package that does it
 * is loaded when it is first needed.
 */
export async function makeSelfSigned(commonName: string, hosts: readonly string[], forClients: boolean = false): Promise<KeyPair> {
  const { generate } = (await import("selfsigned")).default;
  const extensions = [
    { name: "basicConstraints", cA: true, critical: true },
    { name: "keyUsage", keyCertSign: true, digitalSignature: true, keyEncipherment: true, critical: true },
    { name: "extKeyUsage", serverAuth: true, ...(forClients ? { clientAuth: true } : {}) },
    { name: "subjectAltName", altNames: hosts.map((host) => (isIP(host) ? { type: 7, ip: host } : { type: 2, value: host })) },
  ];
  const subject = [{ name: "commonName", value: commonName }];
  return new Promise((resolve, reject) => {
    generate(subject, { keySize: 2048, days: DAYS, algorithm: "sha256", extensions }, (failed, made) =>
      failed ? reject(failed) : resolve({ cert: made.cert, key: made.private }),
    );
  });
}

/** Whether a certificate (PEM) can be read, still holds for a week, and has all the names. */
export function stillServes(cert: string, hosts: readonly string[]): boolean {
  try {
    const certificate = new X509Certificate(cert);
    if (Date.parse(certificate.validTo) - Date.now() < RENEW_BEFORE_MS) return false;
    return hosts.every((host) => (isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined);
  } catch {
    return false;
  }
}
