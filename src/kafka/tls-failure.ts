import { codeOf } from "../base/errors.ts";
import { isLoopback } from "../base/loopback.ts";
import { KafkaError } from "./kafka-error.ts";
import type { KafkaConnection } from "./kafkajs-adapter.ts";

interface Words {
  readonly found: string;
  readonly remedy: string;
}

const TRUST: Words = {
  found: "the broker's certificate is not from an authority that this program trusts",
  remedy:
    "Give the PEM of its authority: ssl.truststore.location in --command-config, kafka.ssl.truststore.certificates as an option of a query, or ssl.ca.",
};
const NO_TLS: Words = {
  found: "what answers on this port is not TLS",
  remedy: "Use the port of a listener with TLS, or leave TLS out (security.protocol=PLAINTEXT or SASL_PLAINTEXT).",
};
const OWN_CERTIFICATE: Words = {
  found: "the broker asks for a certificate of this client, and got none that it trusts",
  remedy: "Give certificate and key as PEM: ssl.keystore.location, or ssl.keystore.certificate.chain and ssl.keystore.key.",
};

/** What a failed handshake says, by the code of Node or OpenSSL. */
const WORDS: Readonly<Record<string, Words>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: TRUST,
  SELF_SIGNED_CERT_IN_CHAIN: TRUST,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: TRUST,
  UNABLE_TO_GET_ISSUER_CERT: TRUST,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: TRUST,
  CERT_UNTRUSTED: TRUST,
  CERT_SIGNATURE_FAILURE: TRUST,
  INVALID_CA: TRUST,
  CERT_HAS_EXPIRED: {
    found: "the broker's certificate has expired",
    remedy: "Have the broker's owner renew it, and check this machine's clock.",
  },
  CERT_NOT_YET_VALID: {
    found: "the broker's certificate is not valid yet",
    remedy: "Check this machine's clock, and the broker's.",
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    found: "the broker's certificate is for another name than the one that was connected to",
    remedy: "Connect by a name that the certificate has, or have it made for this one.",
  },
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  EPROTO: NO_TLS,
  ERR_SSL_UNSUPPORTED_PROTOCOL: {
    found: "the broker speaks no TLS of version 1.2 or later",
    remedy: "Have the broker's owner enable TLS 1.2 or 1.3.",
  },
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: OWN_CERTIFICATE,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: OWN_CERTIFICATE,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: OWN_CERTIFICATE,
};

const CUT_SHORT: Words = {
  found: "the other side closed the connection during the TLS handshake",
  remedy:
    "Check that this port is a listener with TLS (security.protocol=SSL or SASL_SSL), and whether it asks for a client's certificate.",
};

/** What TLS says in a chain of causes; undefined where it says nothing. */
export function tlsFailure(brokers: readonly string[], thrown: unknown): KafkaError | undefined {
  for (let error = thrown, depth = 0; error instanceof Error && depth < 8; error = error.cause, depth++) {
    const isCutShort = /before secure TLS connection was established/.test(error.message);
    const words = isCutShort ? CUT_SHORT : WORDS[codeOf(error) ?? ""];
    if (words)
      return new KafkaError("KAFKA_TLS", { failed: `Cannot talk TLS with Kafka at ${brokers.join(", ")}`, ...words, cause: thrown });
  }
  return undefined;
}

/**
 * The broker took the connection and closed it, or spoke another language, before it answered anything: this client and that listener do not expect
 * the same.
 */
export function closedAtOnce(brokers: readonly string[], { ssl, sasl }: Pick<KafkaConnection, "ssl" | "sasl">, cause: unknown): KafkaError {
  const spoken = `${ssl ? "TLS" : "no TLS"} and ${sasl ? "a login" : "no login"}`;
  return new KafkaError("KAFKA_UNREACHABLE", {
    failed: `Cannot reach Kafka at ${brokers.join(", ")}`,
    found: `the connection was closed before an answer; this program spoke ${spoken}`,
    remedy: "Check that the port is a listener of Kafka, and whether it speaks TLS or asks for a login (security.protocol).",
    cause,
  });
}

/** PLAIN shows the password to everyone on the way: without TLS it is only sent to this machine. @throws KafkaError KAFKA_LOGIN */
export function checkPlain(host: string, port: number, { ssl, sasl }: Pick<KafkaConnection, "ssl" | "sasl">): void {
  if (sasl?.mechanism !== "plain" || ssl || isLoopback(host)) return;
  throw new KafkaError("KAFKA_LOGIN", {
    failed: `Cannot log in to Kafka at ${host}:${port}`,
    found: "PLAIN without TLS would send the password over the network in the clear",
    remedy: "Use TLS (security.protocol=SASL_SSL), or SCRAM-SHA-512, which never sends it.",
  });
}
