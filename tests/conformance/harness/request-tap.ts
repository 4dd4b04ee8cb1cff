import net from "node:net";
import { createFrameSplitter, readRequest, readRequestHeader } from "../../../src/kafka-protocol/frame.ts";
import { apiVersionsApi } from "../../../src/kafka-protocol/messages/api-versions.ts";
import { createReader } from "../../../src/kafka-protocol/reader.ts";

/** The clients whose requests are told apart. */
export type ClientKind = "raw" | "kafkajs" | "kcat" | "java";

/** What the frames of this suite's own requests bear as their client id. */
export const RAW_CLIENT_ID = "conformance-raw";
/** Same, of kafkajs, which does not name its software. */
export const KAFKAJS_CLIENT_ID = "conformance-kafkajs";

/** A relay before a broker that notes which client sent which version of which API. */
export interface RequestTap {
  readonly port: number;
  /** Versions by client and API key. */
  readonly seen: ReadonlyMap<ClientKind, ReadonlyMap<number, ReadonlySet<number>>>;
  /** Where connections go from now on. */
  relayTo(port: number): void;
  close(): Promise<void>;
}

const MAX_FRAME_BYTES = 256 * 1024 * 1024;

function kindByName(name: string): ClientKind | undefined {
  if (name.startsWith("apache-kafka")) return "java";
  if (name.startsWith("librdkafka")) return "kcat";
  if (name === KAFKAJS_CLIENT_ID) return "kafkajs";
  if (name === RAW_CLIENT_ID) return "raw";
  return undefined;
}

/** Listens on a free port of loopback. */
export async function startRequestTap(): Promise<RequestTap> {
  const seen = new Map<ClientKind, Map<number, Set<number>>>();
  const open = new Set<net.Socket>();
  let target = 0;
  const server = net.createServer({ noDelay: true }, (client) => {
    const broker = net.connect({ host: "127.0.0.1", port: target, noDelay: true });
    let kind: ClientKind | undefined;
    const splitter = createFrameSplitter({
      maxFrameBytes: MAX_FRAME_BYTES,
      onFrame: (frame) => {
        const reader = createReader(frame);
        const { apiKey, apiVersion } = readRequestHeader(reader);
        if (kind === undefined) {
          const isApiVersions = apiKey === apiVersionsApi.key && apiVersion <= apiVersionsApi.versions[1];
          const { clientId, body } = readRequest(apiVersionsApi, isApiVersions ? apiVersion : 0, reader);
          kind = kindByName(clientId ?? "") ?? (isApiVersions ? kindByName(body.clientSoftwareName) : undefined);
        }
        if (kind === undefined) return;
        const byKey = seen.get(kind) ?? new Map<number, Set<number>>();
        seen.set(kind, byKey.set(apiKey, (byKey.get(apiKey) ?? new Set()).add(apiVersion)));
      },
    });
    let isReadable = true;
    client.on("data", (chunk) => {
      try {
        if (isReadable) splitter.push(chunk);
      } catch {
        isReadable = false;
      }
    });
    for (const socket of [client, broker]) {
      open.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        open.delete(socket);
        client.destroy();
        broker.destroy();
      });
    }
    client.pipe(broker);
    broker.pipe(client);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as net.AddressInfo).port,
    seen,
    relayTo: (port) => (target = port),
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
