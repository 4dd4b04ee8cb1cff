import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import tls from "node:tls";
import selfsigned from "selfsigned";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { errorName } from "../../kafka-protocol/error-codes.ts";
import { encodeRequest } from "../../kafka-protocol/frame.ts";
import { apiVersionsApi } from "../../kafka-protocol/messages/api-versions.ts";
import { alterUserScramCredentialsApi } from "../../kafka-protocol/messages/alter-user-scram-credentials.ts";
import { metadataApi } from "../../kafka-protocol/messages/metadata.ts";
import { saslAuthenticateApi } from "../../kafka-protocol/messages/sasl-authenticate.ts";
import { saslHandshakeApi } from "../../kafka-protocol/messages/sasl-handshake.ts";
import { connectForRequests, type RequestConnection } from "../../kafka-protocol/request-connection.ts";
import { joinPieces } from "../../kafka-protocol/writer.ts";
import { startBroker, type Broker, type BrokerOptions } from "../broker.ts";
import { derivedCredential, LoginRefusal, scramExchange } from "./scram.ts";

let folder: string;
let broker: Broker;
const log: string[] = [];
const open: RequestConnection[] = [];
const alice = { name: "alice", password: "secret" };
const settings = (name: string): BrokerOptions => ({
  dataDir: path.join(folder, name),
  listeners: [{ protocol: "SASL_PLAINTEXT" }, { protocol: "PLAINTEXT" }],
  users: [alice],
  log: (line) => log.push(line),
});

beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "broker-login-"));
  broker = await startBroker(settings("data"));
});
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});
afterAll(async () => {
  await broker.close();
  await fs.rm(folder, { recursive: true, force: true });
});

async function connect(port: number = broker.port): Promise<RequestConnection> {
  const connection = await connectForRequests({ host: "127.0.0.1", port, clientId: "raw" });
  open.push(connection);
  return connection;
}

const plain = (user: string, password: string, authzid: string = ""): Buffer => Buffer.from(`${authzid}\0${user}\0${password}`);

async function authenticate(client: RequestConnection, authBytes: Uint8Array, version: number = 1) {
  const { errorCode, errorMessage, sessionLifetimeMs } = await client.request(saslAuthenticateApi, version, { authBytes });
  return { error: errorName(errorCode), errorMessage, sessionLifetimeMs };
}

async function begin(mechanism: string = "PLAIN", port: number = broker.port): Promise<RequestConnection> {
  const client = await connect(port);
  expect(errorName((await client.request(saslHandshakeApi, 1, { mechanism })).errorCode)).toBe("NONE");
  return client;
}

/** A connection that nobody logs in on: `end` is how it ends. */
async function expectClosed(client: RequestConnection, request: Promise<unknown>): Promise<void> {
  await expect(request).rejects.toThrow();
  await client.ended;
}

describe("the order of a login", () => {
  test("ApiVersions may come first, once; everything else before a login ends the connection", async () => {
    const client = await connect();
    expect((await client.request(apiVersionsApi, 3, { clientSoftwareName: "a", clientSoftwareVersion: "1" })).errorCode).toBe(0);
    await expectClosed(client, client.request(apiVersionsApi, 0, {}));
    const other = await connect();
    await expectClosed(other, other.request(metadataApi, 1, { topics: [] }));
    expect(log.some((line) => line.includes("Unexpected Kafka request of type Metadata during SASL handshake"))).toBe(true);
  });

  test.each([0, 1, 2])("handshake, SaslAuthenticate v%d, then everything; a second handshake is too late", async (version) => {
    const client = await begin();
    expect(await authenticate(client, plain("alice", "secret"), version)).toMatchObject({ error: "NONE", sessionLifetimeMs: 0 });
    expect((await client.request(metadataApi, 1, { topics: [] })).brokers).toHaveLength(1);
    expect(errorName((await client.request(saslHandshakeApi, 1, { mechanism: "PLAIN" })).errorCode)).toBe("ILLEGAL_SASL_STATE");
    expect((await authenticate(client, plain("alice", "secret"))).error).toBe("ILLEGAL_SASL_STATE");
  });

  test("requests that are sent ahead of the login's answer are served once it is there", async () => {
    const client = await connect();
    const handshake = client.request(saslHandshakeApi, 1, { mechanism: "PLAIN" });
    const login = authenticate(client, plain("alice", "secret"));
    const metadata = client.request(metadataApi, 1, { topics: [] });
    expect((await handshake).errorCode).toBe(0);
    expect((await login).error).toBe("NONE");
    expect((await metadata).brokers).toHaveLength(1);
  });

  test("an unknown mechanism is answered with those that there are, then the connection ends", async () => {
    const client = await connect();
    const answer = await client.request(saslHandshakeApi, 1, { mechanism: "GSSAPI" });
    expect(errorName(answer.errorCode)).toBe("UNSUPPORTED_SASL_MECHANISM");
    expect(answer.mechanisms).toEqual(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]);
    await client.ended;
  });

  test("between handshake and tokens other requests are told ILLEGAL_SASL_STATE, or nothing, and the connection ends", async () => {
    const client = await begin();
    expect(errorName((await client.request(apiVersionsApi, 2, {})).errorCode)).toBe("ILLEGAL_SASL_STATE");
    await client.ended;
    const other = await begin();
    await expectClosed(other, other.request(metadataApi, 1, { topics: [] }));
  });

  test("after SaslHandshake v0 tokens come bare, with a length and nothing else", async () => {
    const client = await connect();
    expect((await client.request(saslHandshakeApi, 0, { mechanism: "PLAIN" })).errorCode).toBe(0);
    const token = plain("alice", "secret");
    const length = Buffer.alloc(4);
    length.writeInt32BE(token.length);
    const empty = client.request(apiVersionsApi, 0, {});
    client.sendBytes(Buffer.concat([length, token]));
    await expect(empty).rejects.toThrow();
    await client.ended;
    const bare = await bareLogin(token);
    expect(bare).toEqual(Buffer.alloc(4));
  });

  test("on a listener without SASL a login is out of place", async () => {
    const client = await connect(broker.listeners[1]?.port);
    expect(errorName((await client.request(saslHandshakeApi, 1, { mechanism: "PLAIN" })).errorCode)).toBe("ILLEGAL_SASL_STATE");
    expect((await client.request(metadataApi, 1, { topics: [] })).brokers).toHaveLength(1);
  });

  test("a login of a megabyte is refused", async () => {
    const client = await begin();
    await expectClosed(client, authenticate(client, Buffer.alloc(1_000_000)));
  });
});

/** The bytes that answer a bare token. */
async function bareLogin(token: Buffer): Promise<Buffer> {
  const { default: net } = await import("node:net");
  const socket = net.connect({ host: "127.0.0.1", port: broker.port });
  const chunks: Buffer[] = [];
  let wake: (() => void) | undefined;
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    wake?.();
  });
  const heard = async (bytes: number): Promise<Buffer> => {
    while (Buffer.concat(chunks).length < bytes) await new Promise<void>((resolve) => (wake = resolve));
    return Buffer.concat(chunks.splice(0));
  };
  const handshake = Buffer.from("00000013" + "0011" + "0000" + "00000001" + "ffff" + "0005" + Buffer.from("PLAIN").toString("hex"), "hex");
  handshake.writeInt32BE(handshake.length - 4);
  socket.write(handshake);
  await heard(10);
  const length = Buffer.alloc(4);
  length.writeInt32BE(token.length);
  socket.write(Buffer.concat([length, token]));
  const answer = await heard(4);
  socket.destroy();
  return answer;
}

describe("what is refused", () => {
  test.each([
    ["a wrong password", plain("alice", "wrong"), "Authentication failed: Invalid username or password"],
    ["an unknown user", plain("nobody", "secret"), "Authentication failed: Invalid username or password"],
    ["no user", plain("", "secret"), "Authentication failed: username not specified"],
    ["no password", plain("alice", ""), "Authentication failed: password not specified"],
    [
      "another's rights",
      plain("alice", "secret", "bob"),
      "Authentication failed: Client requested an authorization id that is different from username",
    ],
    ["too few parts", Buffer.from("alice\0secret"), "Invalid SASL/PLAIN response: expected 3 tokens, got 2"],
  ])("PLAIN with %s, in Kafka's words, and not before a while", async (_, words, message) => {
    const client = await begin();
    const start = performance.now();
    expect(await authenticate(client, words)).toMatchObject({ error: "SASL_AUTHENTICATION_FAILED", errorMessage: message });
    expect(performance.now() - start).toBeGreaterThan(90);
    await client.ended;
  });

  test.each(["SCRAM-SHA-256", "SCRAM-SHA-512"])("%s of an unknown user, and words that are none", async (mechanism) => {
    const message = `Authentication failed during authentication due to invalid credentials with SASL mechanism ${mechanism}`;
    for (const words of ["n,,n=nobody,r=abc", "hello", "n,,n=al=ice,r=abc", "p=tls-unique,,n=alice,r=abc"]) {
      const client = await begin(mechanism);
      expect(await authenticate(client, Buffer.from(words))).toMatchObject({ error: "SASL_AUTHENTICATION_FAILED", errorMessage: message });
      await client.ended;
    }
  });
});

describe("SCRAM", () => {
  test("has the words of RFC 7677, section 3", () => {
    const salt = "W22ZaJ0SNY7soEsUEjb6gQ==";
    const credential = {
      salt,
      iterations: 4096,
      storedKey: "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=",
      serverKey: "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
    };
    const exchange = scramExchange("SCRAM-SHA-256", (user) => (user === "user" ? credential : undefined), "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
    const first = exchange.next(Buffer.from("n,,n=user,r=rOprNGfwEbeRWgbNEkqO")).answer.toString();
    expect(first).toBe(`r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=${salt},i=4096`);
    const last = exchange.next(
      Buffer.from("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
    );
    expect(last.answer.toString()).toBe("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    expect(last.user).toBe("user");
    expect(() => exchange.next(Buffer.from("again"))).toThrow(LoginRefusal);
  });

  test("takes a nonce that the client has put its own before once more, as librdkafka 2.0 does, and no other", () => {
    const exchange = (last: (nonce: string) => string): string => {
      const server = scramExchange("SCRAM-SHA-256", () => derivedCredential("SCRAM-SHA-256", "p"), "server");
      server.next(Buffer.from("n,,n=u,r=client"));
      try {
        server.next(Buffer.from(`c=biws,r=${last("clientserver")},p=AAAA`));
        return "accepted";
      } catch (thrown) {
        return (thrown as Error).message;
      }
    };
    expect(exchange((nonce) => `client${nonce}`)).toBe("a proof of the wrong length");
    expect(exchange((nonce) => `${nonce}x`)).toBe("another nonce");
  });

  test("keeps the password out of what is stored, and asks for 4096 rounds at least", () => {
    const credential = derivedCredential("SCRAM-SHA-512", "very-secret");
    expect(JSON.stringify(credential)).not.toContain("very-secret");
    expect(credential.iterations).toBeGreaterThanOrEqual(4096);
    expect(derivedCredential("SCRAM-SHA-512", "very-secret").salt).not.toBe(credential.salt);
  });
});

test("users survive the process, their passwords are in no file, and what was taken away stays away", async () => {
  const first = await startBroker(settings("durable"));
  const client = await connect(first.listeners[1]?.port);
  const salted = { mechanism: 1, iterations: 4096, salt: Buffer.from("salt"), saltedPassword: Buffer.alloc(32, 7) };
  await client.request(alterUserScramCredentialsApi, 0, {
    deletions: [],
    upsertions: [
      { ...salted, name: "bob" },
      { ...salted, name: "carol" },
    ],
  });
  await client.request(alterUserScramCredentialsApi, 0, { deletions: [{ name: "carol", mechanism: 1 }], upsertions: [] });
  await first.close();
  const stored = await fs.readFile(path.join(folder, "durable", "security", "users.journal"), "utf8");
  expect(stored).not.toContain(alice.password);
  expect((await fs.stat(path.join(folder, "durable", "security"))).mode & 0o077).toBe(0);
  const again = await startBroker({ ...settings("durable"), users: [] });
  try {
    expect((await authenticate(await begin("PLAIN", again.port), plain("alice", "secret"))).error).toBe("NONE");
    const scram = await begin("SCRAM-SHA-256", again.port);
    const answer = await scram.request(saslAuthenticateApi, 1, { authBytes: Buffer.from("n,,n=bob,r=abc") });
    expect(answer.authBytes.toString()).toMatch(/^r=abc.+,s=c2FsdA==,i=4096$/);
    const gone = await begin("SCRAM-SHA-256", again.port);
    expect((await authenticate(gone, Buffer.from("n,,n=carol,r=abc"))).error).toBe("SASL_AUTHENTICATION_FAILED");
  } finally {
    await again.close();
  }
});

describe("sessions that end (KIP-368)", () => {
  test("a client logs in again on its connection; as another it may not; without it the connection ends", async () => {
    const strict = await startBroker({ ...settings("sessions"), users: [alice, { name: "bob", password: "secret" }], maxReauthMs: 400 });
    try {
      const client = await begin("PLAIN", strict.port);
      expect(await authenticate(client, plain("alice", "secret"))).toMatchObject({ error: "NONE", sessionLifetimeMs: 400 });
      expect((await client.request(saslHandshakeApi, 1, { mechanism: "PLAIN" })).errorCode).toBe(0);
      expect(await authenticate(client, plain("alice", "secret"))).toMatchObject({ error: "NONE", sessionLifetimeMs: 400 });
      expect((await client.request(metadataApi, 1, { topics: [] })).brokers).toHaveLength(1);
      const start = performance.now();
      const asks = async (): Promise<void> => {
        for (;;) await client.request(metadataApi, 1, { topics: [] });
      };
      await expectClosed(client, asks());
      expect(performance.now() - start).toBeGreaterThan(200);
      const other = await begin("PLAIN", strict.port);
      await authenticate(other, plain("alice", "secret"));
      await other.request(saslHandshakeApi, 1, { mechanism: "PLAIN" });
      expect((await authenticate(other, plain("bob", "secret"))).errorMessage).toMatch(/Cannot change principals during re-authentication/);
      await other.ended;
    } finally {
      await strict.close();
    }
  });
});

describe("listeners", () => {
  test.each([
    [{ protocol: "SASL_PLAINTEXT" as const, host: "0.0.0.0" }, /0\.0\.0\.0 is not loopback.*Use SASL_SSL/],
    [{ protocol: "SASL_PLAINTEXT" as const, advertised: { host: "lab.example", port: 9092 } }, /lab\.example is not loopback/],
  ])("SASL_PLAINTEXT is for loopback only: %o", async (listener, message) => {
    await expect(startBroker({ dataDir: path.join(folder, "refused"), listeners: [listener] })).rejects.toThrow(message);
  });

  test("a certificate of the broker's own making is private, and is kept", async () => {
    const make = (): Promise<Broker> => startBroker({ dataDir: path.join(folder, "own"), listeners: [{ protocol: "SSL" }] });
    const first = await make();
    const pem = await fs.readFile(first.caFile ?? "", "utf8");
    await first.close();
    const second = await make();
    await second.close();
    expect(await fs.readFile(second.caFile ?? "", "utf8")).toBe(pem);
    if (process.platform !== "win32") {
      expect((await fs.stat(path.join(folder, "own", "security", "key.pem"))).mode & 0o777).toBe(0o600);
    }
  });

  test("a broker without a data folder has its certificate in a folder that goes with it", async () => {
    const inMemory = await startBroker({ storage: "memory", listeners: [{ protocol: "SSL" }] });
    const caFile = inMemory.caFile ?? "";
    expect(await fs.readFile(caFile, "utf8")).toContain("CERTIFICATE");
    await inMemory.close();
    await expect(fs.readFile(caFile)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("where certificates are requested, one may be left out; one that is not trusted may not be shown", async () => {
    const own = (name: string) => selfsigned.generate([{ name: "commonName", value: name }], { algorithm: "sha256", keySize: 2048 });
    const [known, stranger] = [own("known"), own("stranger")];
    const clientCaFile = path.join(folder, "known.pem");
    await fs.writeFile(clientCaFile, known.cert);
    const asking = await startBroker({
      dataDir: path.join(folder, "requested"),
      listeners: [{ protocol: "SSL" }],
      tls: { clientCaFile, clientAuth: "requested" },
    });
    const ca = await fs.readFile(asking.caFile ?? "", "utf8");
    const isServed = (files: { cert?: string; key?: string }): Promise<boolean> =>
      new Promise((resolve) => {
        const socket = tls.connect({ host: "127.0.0.1", port: asking.port, ca, ...files });
        socket.on("error", () => undefined);
        socket.once("close", () => resolve(false));
        socket.once("data", () => {
          resolve(true);
          socket.destroy();
        });
        socket.write(joinPieces(encodeRequest(apiVersionsApi, 0, { correlationId: 1, clientId: null }, {})));
      });
    try {
      expect(await isServed({})).toBe(true);
      expect(await isServed({ cert: known.cert, key: known.private })).toBe(true);
      expect(await isServed({ cert: stranger.cert, key: stranger.private })).toBe(false);
    } finally {
      await asking.close();
    }
  });

  test("a port that another listener of the same broker has is refused, and none stays open", async () => {
    const first = await startBroker({ dataDir: path.join(folder, "one") });
    const twice = startBroker({
      dataDir: path.join(folder, "two"),
      listeners: [{ protocol: "PLAINTEXT" }, { protocol: "SASL_PLAINTEXT", port: first.port }],
    });
    await expect(twice).rejects.toMatchObject({ code: "PORT_IN_USE" });
    await first.close();
  });
});
