import { isLoopback } from "../../base/loopback.ts";
import { BrokerError } from "../broker-error.ts";

/** How clients talk to a listener. */
export const securityProtocols = ["PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL"] as const;
export type SecurityProtocol = (typeof securityProtocols)[number];

/** One address that the broker listens on. */
export interface ListenerOptions {
  readonly protocol: SecurityProtocol;
  /** "127.0.0.1" by default. Loopback is served on IPv4 and IPv6. SASL_PLAINTEXT takes loopback only. */
  readonly host?: string;
  /** 0, the default, takes a free port. */
  readonly port?: number;
  /** What clients that came through this listener are told to connect to; by default host and port. */
  readonly advertised?: { readonly host: string; readonly port: number };
}

/** A listener that is open. */
export interface Listener {
  readonly protocol: SecurityProtocol;
  readonly host: string;
  readonly port: number;
  /** What to give a client as its bootstrap server. */
  readonly address: string;
}

export const usesTls = (protocol: SecurityProtocol): boolean => protocol.endsWith("SSL");
export const usesSasl = (protocol: SecurityProtocol): boolean => protocol.startsWith("SASL");

/** Throws INVALID_OPTION for SASL_PLAINTEXT beyond loopback: passwords would cross the network in the clear. */
export function checkListener({ protocol, host = "127.0.0.1", port = 0, advertised }: ListenerOptions): void {
  const beyond = [host, advertised?.host ?? host].find((one) => !isLoopback(one));
  if (protocol !== "SASL_PLAINTEXT" || beyond === undefined) return;
  throw new BrokerError("INVALID_OPTION", {
    failed: `Cannot listen with SASL_PLAINTEXT on ${host}:${port}`,
    found: `${beyond} is not loopback: logins would cross the network unencrypted`,
    remedy: "Use SASL_SSL, or listen and be advertised on 127.0.0.1.",
  });
}

/**
 * Reads "PLAINTEXT://127.0.0.1:9092,SASL_SSL://127.0.0.1:9093", as Kafka's `listeners` and `advertised.listeners` are written. Throws
 * INVALID_OPTION.
 */
export function parseListeners(text: string, advertisedText?: string): ListenerOptions[] {
  const advertised = advertisedText === undefined ? [] : parseEach(advertisedText);
  return parseEach(text).map(({ protocol, host, port }) => {
    const shown = advertised.find((one) => one.protocol === protocol);
    return { protocol, host, port, ...(shown ? { advertised: { host: shown.host, port: shown.port } } : {}) };
  });
}

function parseEach(text: string): { protocol: SecurityProtocol; host: string; port: number }[] {
  return text.split(",").map((one) => {
    const parts = /^\s*([A-Za-z_]+):\/\/(\[[^\]]*\]|[^:]*):(\d{1,5})\s*$/.exec(one);
    const protocol = securityProtocols.find((known) => known === parts?.[1]?.toUpperCase());
    const port = Number(parts?.[3]);
    if (!parts || !protocol || port > 65535) {
      throw new BrokerError("INVALID_OPTION", {
        failed: "Cannot read the listeners of the broker",
        found: `"${one.trim()}"`,
        remedy: `Write protocol://host:port, several separated by commas; protocols are ${securityProtocols.join(", ")}.`,
      });
    }
    const host = (parts[2] ?? "").replace(/^\[|\]$/g, "");
    return { protocol, host: host === "" ? "0.0.0.0" : host, port };
  });
}
