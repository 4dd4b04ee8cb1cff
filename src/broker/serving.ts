import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { messageOf } from "../base/errors.ts";
import type { ApiHandler, BrokerState } from "./api-handler.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { listen, type Listening } from "./listening.ts";
import { createRequestMemory } from "./request-memory.ts";
import { certificateName } from "./security/certificate-name.ts";
import type { ServerCertificate } from "./security/certificate.ts";
import { guardedHandlers } from "./security/guards.ts";
import { usesSasl, usesTls, type Listener, type ListenerOptions } from "./security/listener.ts";
import { createLogin } from "./security/login.ts";

/** The open listeners of a broker. */
export interface Serving {
  /** In the order of the options. */
  readonly listeners: readonly Listener[];
  /** Ends all connections and frees the ports. */
  close(): Promise<void>;
}

/** Idle connections are looked for so often within the time that they may be idle. */
const SWEEPS = 4;
const MAX_SWEEP_MS = 30_000;

/** Clients cannot connect to "all addresses". */
const advertisedHost = (host: string): string => (host === "0.0.0.0" || host === "::" || host === "localhost" ? "127.0.0.1" : host);

/**
 * Opens the listeners and serves whoever connects. Each has its own view of the broker, in which the address that clients are told is the
 * listener's: who came through TLS is sent to TLS. Throws PORT_IN_USE, CANNOT_LISTEN; then none is open.
 */
export async function openListeners(
  state: Omit<BrokerState, "advertised">,
  options: readonly ListenerOptions[],
  certificate: ServerCertificate | undefined,
  log: (line: string) => void,
): Promise<Serving> {
  const open = new Set<Connection>();
  const handlers: ReadonlyMap<number, ApiHandler> = new Map(
    guardedHandlers(state.handlers, state.security.authorizer !== undefined).map((handler) => [handler.api.key, handler]),
  );
  const memory = createRequestMemory(state.settings.maxQueuedBytes);
  const listenings: Listening[] = [];
  const listeners: Listener[] = [];
  const { maxIdleMs, maxReauthMs } = state.settings;
  const onFault = (thrown: unknown, what: string): void => log(`closed a connection over ${what}: ${messageOf(thrown)}`);

  const openOne = async ({ protocol, host = "127.0.0.1", port = 0, advertised }: ListenerOptions): Promise<void> => {
    let shown = { host: advertisedHost(host), port };
    const broker: BrokerState = { ...state, advertised: () => advertised ?? shown };
    const { users, mechanisms } = state.security;
    const login: ConnectionOptions["login"] = usesSasl(protocol)
      ? (again, apiVersions) => createLogin({ users, mechanisms, maxReauthMs, again, apiVersions })
      : undefined;
    const asksForCertificates = certificate?.options.requestCert === true;
    const onFailure = (failure: unknown, socket: Socket): void => {
      onFault(failure, `a TLS handshake from /${socket.remoteAddress ?? ""}`);
      socket.destroy();
    };
    const onSocket = (socket: Socket): void => {
      let principal: string | undefined;
      try {
        if (asksForCertificates && usesTls(protocol)) principal = certificateName(socket as TLSSocket);
      } catch (thrown) {
        onFailure(thrown, socket);
        return;
      }
      const connection = new Connection(socket, { broker, handlers, principal, login, renews: maxReauthMs > 0, memory, onFault });
      open.add(connection);
      socket.once("close", () => open.delete(connection));
    };
    const listening = await listen(host, port, {
      onSocket,
      ...(usesTls(protocol) && certificate ? { tls: { options: certificate.options, onFailure } } : {}),
    });
    listenings.push(listening);
    shown = { host: shown.host, port: listening.port };
    const address = `${shown.host.includes(":") ? `[${shown.host}]` : shown.host}:${shown.port}`;
    listeners.push({ protocol, ...shown, address });
  };

  const sweep = setInterval(
    () => {
      const now = performance.now();
      for (const connection of open) if (connection.isIdle(now, maxIdleMs)) connection.close();
    },
    Math.min(MAX_SWEEP_MS, Math.ceil(maxIdleMs / SWEEPS)),
  );
  sweep.unref();
  const close = async (): Promise<void> => {
    clearInterval(sweep);
    const closed = listenings.map((listening) => listening.close());
    for (const connection of open) connection.close();
    await Promise.all(closed);
  };
  try {
    for (const one of options) await openOne(one);
  } catch (thrown) {
    await close();
    throw thrown;
  }
  return { listeners, close };
}
