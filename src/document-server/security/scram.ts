import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { saslPrep } from "./sasl-prep.ts";

export type Mechanism = "SCRAM-SHA-1" | "SCRAM-SHA-256";
export const MECHANISMS: readonly Mechanism[] = ["SCRAM-SHA-1", "SCRAM-SHA-256"];

/** What is kept of a password (RFC 5802): it proves who knows it, and nobody can log in with it. Base64, as in MongoDB's user documents. */
export type Credential = {
  readonly iterationCount: number;
  readonly salt: string;
  readonly storedKey: string;
  readonly serverKey: string;
};

/** MongoDB's own numbers of rounds (scramIterationCount, scramSHA256IterationCount) and lengths of salts. */
const KINDS = {
  "SCRAM-SHA-1": { hash: "sha1", bytes: 20, saltBytes: 16, iterations: 10_000 },
  "SCRAM-SHA-256": { hash: "sha256", bytes: 32, saltBytes: 28, iterations: 15_000 },
} as const;

const hmac = (hash: string, key: Uint8Array, text: string): Buffer => createHmac(hash, key).update(text).digest();
const digest = (hash: string, bytes: Uint8Array): Buffer => createHash(hash).update(bytes).digest();

/** The password as SCRAM-SHA-1 takes it: MongoDB's old digest. */
export function digestedPassword(user: string, password: string): string {
  return createHash("md5").update(`${user}:mongo:${password}`).digest("hex");
}

/** The credential of a password, which for SCRAM-SHA-1 is the digested one. Off the main thread. */
export async function credentialOf(mechanism: Mechanism, password: string, given?: Credential): Promise<Credential> {
  const { hash, bytes, saltBytes, iterations } = KINDS[mechanism];
  const salt = given ? Buffer.from(given.salt, "base64") : randomBytes(saltBytes);
  const iterationCount = given?.iterationCount ?? iterations;
  const secret = mechanism === "SCRAM-SHA-256" ? saslPrep(password) : password;
  const salted = await promisify(pbkdf2)(secret, salt, iterationCount, bytes, hash);
  return {
    iterationCount,
    salt: salt.toString("base64"),
    storedKey: digest(hash, hmac(hash, salted, "Client Key")).toString("base64"),
    serverKey: hmac(hash, salted, "Server Key").toString("base64"),
  };
}

/** Whether a password is that of a credential. */
export async function isPasswordOf(mechanism: Mechanism, credential: Credential, password: string): Promise<boolean> {
  const { storedKey } = await credentialOf(mechanism, password, credential);
  return timingSafeEqual(Buffer.from(storedKey), Buffer.from(credential.storedKey));
}

const secret = randomBytes(32);

/** What an unknown user is asked for: the same at every try, and no password fits, so that nobody learns which users there are. */
export function nobodysCredential(mechanism: Mechanism, user: string): Credential {
  const { hash, bytes, saltBytes, iterations } = KINDS[mechanism];
  const salt = createHmac("sha512", secret).update(user).digest().subarray(0, saltBytes).toString("base64");
  return {
    iterationCount: iterations,
    salt,
    storedKey: randomBytes(bytes).toString("base64"),
    serverKey: hmac(hash, secret, user).toString("base64"),
  };
}

/** The server's part of one exchange. Its methods throw on whatever is not SCRAM, on a wrong password as well. */
export type Exchange = {
  readonly user: string;
  /** What the client is sent first: nonce, salt, rounds. */
  readonly challenge: string;
  /** Takes the proof; the answer proves that the server knows the user's key. */
  prove(words: string): string;
};

const FIRST = /^n,(?:a=[^,]*)?,((?:n=([^,]+)),r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)$/s;
const FINAL = /^(c=([A-Za-z0-9+/=]*),r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?),p=([A-Za-z0-9+/=]+)$/s;

/** Begins an exchange with the client's first words; `find` gives a user's credential, or that of nobody. */
export function beginExchange(mechanism: Mechanism, words: string, find: (user: string) => Credential): Exchange {
  const { hash } = KINDS[mechanism];
  const first = FIRST.exec(words);
  if (!first) throw new Error("the client's first words are no SCRAM");
  const [, bare = "", name = "", clientNonce = ""] = first;
  if (/=(?!2C|3D)/.test(name)) throw new Error("the user's name has a lone =");
  const user = name.replaceAll("=2C", ",").replaceAll("=3D", "=");
  const credential = find(user);
  const nonce = `${clientNonce}${randomBytes(24).toString("base64")}`;
  const challenge = `r=${nonce},s=${credential.salt},i=${credential.iterationCount}`;
  const binding = Buffer.from(words.slice(0, words.length - bare.length)).toString("base64");
  return {
    user,
    challenge,
    prove: (finalWords) => {
      const final = FINAL.exec(finalWords);
      if (!final || final[2] !== binding || final[3] !== nonce) throw new Error("the client's last words do not fit its first");
      const said = `${bare},${challenge},${final[1]}`;
      const storedKey = Buffer.from(credential.storedKey, "base64");
      const signature = hmac(hash, storedKey, said);
      const proof = Buffer.from(final[4] ?? "", "base64");
      if (proof.length !== signature.length) throw new Error("a proof of the wrong length");
      const clientKey = proof.map((byte, i) => byte ^ (signature[i] as number));
      if (!timingSafeEqual(digest(hash, clientKey), storedKey)) throw new Error("a wrong password");
      return `v=${hmac(hash, Buffer.from(credential.serverKey, "base64"), said).toString("base64")}`;
    },
  };
}
