import { readFileSync, statSync } from "node:fs";
import { messageOf } from "../base/errors.ts";
import { isOpenToOthers } from "../base/private-file.ts";
import { KafkaError } from "../kafka/kafka-error.ts";
import type { KafkaConnection } from "../kafka/kafkajs-adapter.ts";
import { askSecret } from "./ask-secret.ts";

export const MECHANISMS: readonly string[] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];
export const PROTOCOLS: readonly string[] = ["SASL_SSL", "SASL_PLAINTEXT"];

/** The flags that say who logs in. */
export interface LoginFlags {
  readonly user?: string;
  readonly password?: string | boolean;
  readonly passwordFile?: string;
  readonly securityProtocol?: string;
  readonly mechanism?: string;
  readonly ca?: string;
}

const VARIABLE = "STREAMLAB_KAFKA_PASSWORD";

/**
 * TLS and login as flags name them (labs.md E1, E4); nothing without --user. The password never stands on a command line, which every user of the
 * machine can read: it comes from STREAMLAB_KAFKA_PASSWORD, a file of mode 0600, or a prompt.
 * @throws KafkaError KAFKA_OPTION
 */
export async function loginOf(flags: LoginFlags, brokers: readonly string[]): Promise<Pick<KafkaConnection, "ssl" | "sasl">> {
  if (flags.password !== undefined)
    throw badLogin(
      "-p was given, and every user of this machine can read the command line of a program",
      `Leave it out, and set ${VARIABLE}, name a file of mode 0600 with --password-file, or type it when asked.`,
    );
  if (flags.user === undefined) {
    const stray = (["passwordFile", "securityProtocol", "mechanism", "ca"] as const).find((name) => flags[name] !== undefined);
    if (stray !== undefined)
      throw badLogin(`--${stray.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)} without --user`, "Say with --user who logs in.");
    return {};
  }
  const isTls = (flags.securityProtocol ?? "SASL_SSL") === "SASL_SSL";
  const mechanism = (flags.mechanism ?? "SCRAM-SHA-512").toLowerCase() as NonNullable<KafkaConnection["sasl"]>["mechanism"];
  if (mechanism === "plain" && !isTls && !brokers.every(isLoopback))
    throw badLogin("PLAIN without TLS would send the password readable over the network", "Use SASL_SSL, or a SCRAM mechanism.");
  if (flags.ca !== undefined && !isTls) throw badLogin("--ca with SASL_PLAINTEXT, which has no TLS", "Leave one of the two out.");
  const ca = flags.ca === undefined ? undefined : readText(flags.ca, "--ca");
  return {
    ...(isTls ? { ssl: ca === undefined ? true : { ca } } : {}),
    sasl: { mechanism, username: flags.user, password: await passwordOf(flags, flags.user) },
  };
}

function isLoopback(address: string): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|\[?::1\]?):\d+$/i.test(address);
}

async function passwordOf(flags: LoginFlags, user: string): Promise<string> {
  if (flags.passwordFile !== undefined) return passwordIn(flags.passwordFile);
  const given = process.env[VARIABLE];
  if (given) return given;
  const typed = process.stdin.isTTY ? await askSecret(`Password of ${user}: `) : undefined;
  if (typed) return typed;
  throw badLogin(`no password for ${user}`, `Set ${VARIABLE}, or name a file of mode 0600 with --password-file.`);
}

function passwordIn(file: string): string {
  const text = readText(file, "--password-file");
  const mode = statSync(file).mode & 0o777;
  if (isOpenToOthers(mode))
    throw badLogin(`${file} can be read by others (mode ${mode.toString(8)})`, `Make it yours alone: chmod 600 ${file}`);
  const password = text.replace(/\r?\n$/, "");
  if (password === "") throw badLogin(`${file} is empty`, "Write the password into it, and nothing else.");
  return password;
}

function readText(file: string, flag: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (thrown) {
    throw badLogin(`${flag}: ${messageOf(thrown)}`, "Name a file that is there and may be read.", thrown);
  }
}

function badLogin(found: string, remedy: string, cause?: unknown): KafkaError {
  return new KafkaError("KAFKA_OPTION", { failed: "Cannot log in", found, remedy, ...(cause === undefined ? {} : { cause }) });
}
