import { createHash, createHmac, pbkdf2, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

/** The two SCRAM mechanisms, by the number that AlterUserScramCredentials gives them. */
export const scramMechanisms = { "SCRAM-SHA-256": 1, "SCRAM-SHA-512": 2 } as const;
export type ScramMechanism = keyof typeof scramMechanisms;

/** Kafka's bounds for the rounds of a credential (RFC 7677 asks for 4096 at least). */
export const MIN_ITERATIONS = 4096;
export const MAX_ITERATIONS = 16_384;

/** What is kept of a password: enough to check it and to prove that we know it, not enough to log in with (RFC 5802). Base64. */
export interface ScramCredential {
  readonly salt: string;
  readonly storedKey: string;
  readonly serverKey: string;
  readonly iterations: number;
}

const digestOf = (mechanism: ScramMechanism): "sha256" | "sha512" => (mechanism === "SCRAM-SHA-256" ? "sha256" : "sha512");
const bytesOf = (mechanism: ScramMechanism): number => (mechanism === "SCRAM-SHA-256" ? 32 : 64);

function hmac(mechanism: ScramMechanism, key: Uint8Array, text: string): Buffer {
  return createHmac(digestOf(mechanism), key).update(text).digest();
}

const hash = (mechanism: ScramMechanism, bytes: Uint8Array): Buffer => createHash(digestOf(mechanism)).update(bytes).digest();

/** The credential for a salted password, which is what Kafka's tools send: the password itself never leaves them. */
export function credentialOf(mechanism: ScramMechanism, saltedPassword: Uint8Array, salt: Uint8Array, iterations: number): ScramCredential {
  return {
    salt: Buffer.from(salt).toString("base64"),
    storedKey: hash(mechanism, hmac(mechanism, saltedPassword, "Client Key")).toString("base64"),
    serverKey: hmac(mechanism, saltedPassword, "Server Key").toString("base64"),
    iterations,
  };
}

/** The credential for a password. As in Kafka the password's UTF-8 counts as it is, without SASLprep: so do all of its clients. */
export function derivedCredential(mechanism: ScramMechanism, password: string, iterations: number = MIN_ITERATIONS): ScramCredential {
  const salt = randomBytes(24);
  return credentialOf(mechanism, pbkdf2Sync(password, salt, iterations, bytesOf(mechanism), digestOf(mechanism)), salt, iterations);
}

/** Whether a password belongs to a credential; off the main thread. Without a credential it takes as long, and is false. */
export async function isPasswordOf(mechanism: ScramMechanism, credential: ScramCredential | undefined, password: string): Promise<boolean> {
  const salt = Buffer.from(credential?.salt ?? "", "base64");
  const iterations = credential?.iterations ?? MIN_ITERATIONS;
  const salted = await promisify(pbkdf2)(password, salt, iterations, bytesOf(mechanism), digestOf(mechanism));
  const storedKey = hash(mechanism, hmac(mechanism, salted, "Client Key"));
  return credential !== undefined && timingSafeEqual(storedKey, Buffer.from(credential.storedKey, "base64"));
}

/** A login that fails. `told`: the client may hear why; else it only hears that it failed. */
export class LoginRefusal extends Error {
  readonly told: boolean;
  constructor(message: string, told: boolean) {
    super(message);
    this.told = told;
  }
}

const refused = (why: string): LoginRefusal => new LoginRefusal(why, false);

const CLIENT_FIRST = /^n,(?:a=(?<authzid>[^,]*))?,(?<bare>(?:m=[^,]*,)?n=(?<name>[^,]+),r=(?<nonce>[\x21-\x2b\x2d-\x7e]+)(?:,.*)?)$/s;
const CLIENT_FINAL = /^(?<bare>c=(?<binding>[A-Za-z0-9+/=]*),r=(?<nonce>[\x21-\x2b\x2d-\x7e]+)(?:,.*)?),p=(?<proof>[A-Za-z0-9+/=]+)$/s;

function nameOf(text: string): string {
  if (/=(?!2C|3D)/.test(text)) throw refused("the user's name has a lone =");
  return text.replaceAll("=2C", ",").replaceAll("=3D", "=");
}

/**
 * One exchange of SCRAM (RFC 5802) from the server's side. As in Kafka the client's last nonce only has to end in the one that was given: librdkafka
 * before 2.6 puts its own before it once more.
 */
export interface ScramExchange {
  /** Takes the client's next words and gives the answer; `user` once the client has proved to know the password. Throws LoginRefusal. */
  next(words: Buffer): { readonly answer: Buffer; readonly user?: string };
}

/** `find` gives a user's credential. */
export function scramExchange(
  mechanism: ScramMechanism,
  find: (user: string) => ScramCredential | undefined,
  serverNonce: string = randomBytes(24).toString("base64url"),
): ScramExchange {
  let begun: { user: string; credential: ScramCredential; nonce: string; header: string; said: string } | undefined;
  const first = (text: string): { answer: Buffer } => {
    const fields = CLIENT_FIRST.exec(text)?.groups;
    if (!fields) throw refused("the client's first words are no SCRAM");
    if (fields.bare?.startsWith("m=")) throw refused("a mandatory extension that nobody knows");
    const user = nameOf(fields.name ?? "");
    const authzid = nameOf(fields.authzid ?? "");
    const credential = find(user);
    if (!credential) throw refused("there is no such user");
    if (authzid !== "" && authzid !== user) {
      throw new LoginRefusal("Authentication failed: Client requested an authorization id that is different from username", true);
    }
    const nonce = `${fields.nonce}${serverNonce}`;
    const answer = `r=${nonce},s=${credential.salt},i=${credential.iterations}`;
    const header = text.slice(0, text.length - (fields.bare ?? "").length);
    begun = { user, credential, nonce, header, said: `${fields.bare},${answer}` };
    return { answer: Buffer.from(answer) };
  };
  const last = (text: string): { answer: Buffer; user: string } => {
    if (!begun) throw refused("the exchange has not begun");
    const { user, credential, nonce, header, said } = begun;
    begun = undefined;
    const fields = CLIENT_FINAL.exec(text)?.groups;
    if (!fields) throw refused("the client's last words are no SCRAM");
    if (!fields.nonce?.endsWith(nonce)) throw refused("another nonce");
    if (Buffer.from(fields.binding ?? "", "base64").toString() !== header) throw refused("another channel binding");
    const exchanged = `${said},${fields.bare}`;
    const storedKey = Buffer.from(credential.storedKey, "base64");
    const signature = hmac(mechanism, storedKey, exchanged);
    const proof = Buffer.from(fields.proof ?? "", "base64");
    if (proof.length !== signature.length) throw refused("a proof of the wrong length");
    const clientKey = proof.map((byte, index) => byte ^ (signature[index] as number));
    if (!timingSafeEqual(hash(mechanism, clientKey), storedKey)) throw refused("a wrong password");
    const verifier = hmac(mechanism, Buffer.from(credential.serverKey, "base64"), exchanged);
    return { answer: Buffer.from(`v=${verifier.toString("base64")}`), user };
  };
  let step = 0;
  return {
    next: (words) => {
      const text = words.toString("utf8");
      step++;
      if (step === 1) return first(text);
      if (step === 2) return last(text);
      throw refused("the exchange is over");
    },
  };
}
