import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import type { KafkaConnection } from "../kafkajs-adapter.ts";

type Credentials = NonNullable<KafkaConnection["sasl"]>;

/** Sends the client's next words and gives the server's answer. */
export type SaslExchange = (words: Uint8Array) => Promise<Uint8Array>;

/** The mechanism's name on the wire. */
export const mechanismName = (credentials: Credentials): string => credentials.mechanism.toUpperCase();

/**
 * Goes through one login: PLAIN (RFC 4616) or SCRAM (RFC 5802, 7677), which also proves the server to us. A password counts as the UTF-8 that it is, as
 * in Kafka and its clients, without SASLprep. Throws a plain Error on a false server. */
export async function login(
  credentials: Credentials,
  exchange: SaslExchange,
  nonce: string = randomBytes(18).toString("base64"),
): Promise<void> {
  if (credentials.mechanism === "plain") {
    await exchange(Buffer.from(`\0${credentials.username}\0${credentials.password}`));
    return;
  }
  const digest = credentials.mechanism === "scram-sha-256" ? "sha256" : "sha512";
  const hmac = (key: Uint8Array, text: string): Buffer => createHmac(digest, key).update(text).digest();
  const name = credentials.username.replaceAll("=", "=3D").replaceAll(",", "=2C");
  const clientFirst = `n=${name},r=${nonce}`;
  const serverFirst = Buffer.from(await exchange(Buffer.from(`n,,${clientFirst}`))).toString();
  const fields = fieldsOf(serverFirst);
  const [serverNonce, salt, rounds] = [fields.get("r") ?? "", fields.get("s") ?? "", Number(fields.get("i"))];
  if (!serverNonce.startsWith(nonce) || serverNonce === nonce) throw new Error("the server did not keep the nonce");
  if (!(rounds >= 4096 && rounds <= 1_000_000)) throw new Error(`the server asks for ${rounds} rounds`);
  const size = digest === "sha256" ? 32 : 64;
  const salted = await promisify(pbkdf2)(credentials.password, Buffer.from(salt, "base64"), rounds, size, digest);
  const clientKey = hmac(salted, "Client Key");
  const bare = `c=biws,r=${serverNonce}`;
  const exchanged = `${clientFirst},${serverFirst},${bare}`;
  const signature = hmac(createHash(digest).update(clientKey).digest(), exchanged);
  const proof = clientKey.map((byte, index) => byte ^ (signature[index] as number));
  const serverLast = Buffer.from(await exchange(Buffer.from(`${bare},p=${Buffer.from(proof).toString("base64")}`))).toString();
  const claimed = Buffer.from(fieldsOf(serverLast).get("v") ?? "", "base64");
  const expected = hmac(hmac(salted, "Server Key"), exchanged);
  if (claimed.length !== expected.length || !timingSafeEqual(claimed, expected))
    throw new Error("the server does not know the password either");
}

const fieldsOf = (words: string): Map<string, string> => new Map(words.split(",").map((field) => [field.slice(0, 1), field.slice(2)]));
