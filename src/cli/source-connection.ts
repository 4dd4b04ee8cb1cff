import type { KafkaConnection } from "../kafka/kafkajs-adapter.ts";

/** A connection as options of the Kafka source, which names it as Spark does. */
export function sourceOptions({ brokers, clientId, ssl, sasl }: KafkaConnection): Record<string, string> {
  const tls = typeof ssl === "object" ? ssl : {};
  const protocol = `${sasl ? "SASL_" : ""}${ssl ? "SSL" : "PLAINTEXT"}`;
  const options: Record<string, string | undefined> = {
    "kafka.bootstrap.servers": brokers.join(","),
    "kafka.client.id": clientId,
    "kafka.security.protocol": protocol === "PLAINTEXT" ? undefined : protocol,
    "kafka.ssl.truststore.certificates": tls.ca,
    "kafka.ssl.keystore.certificate.chain": tls.cert,
    "kafka.ssl.keystore.key": tls.key,
    "kafka.ssl.key.password": tls.passphrase,
    "kafka.ssl.truststore.type": tls.ca === undefined ? undefined : "PEM",
    "kafka.ssl.keystore.type": tls.cert === undefined ? undefined : "PEM",
    "kafka.sasl.mechanism": sasl?.mechanism.toUpperCase(),
    "kafka.sasl.jaas.config": sasl && `LoginModule required username=${quoted(sasl.username)} password=${quoted(sasl.password)};`,
  };
  return Object.fromEntries(Object.entries(options).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
