import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { MongoClient, MongoServerError, type MongoClientOptions } from "mongodb";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { startDocumentServer, type DocumentServer, type DocumentServerOptions } from "../server.ts";
import { securityFrom } from "./bootstrap.ts";
import { saslPrep } from "./sasl-prep.ts";
import { beginExchange, credentialOf } from "./scram.ts";

let folder: string | undefined;
const servers: DocumentServer[] = [];
const clients: MongoClient[] = [];

async function temporary(): Promise<string> {
  folder ??= await mkdtemp(path.join(os.tmpdir(), "logins-"));
  return folder;
}

async function start(options: DocumentServerOptions): Promise<DocumentServer> {
  const server = await startDocumentServer({ port: 0, storage: "memory", ...options });
  servers.push(server);
  return server;
}

function connect(server: DocumentServer, options: MongoClientOptions = {}): MongoClient {
  const client = new MongoClient(server.uri, { serverSelectionTimeoutMS: 2000, ...options });
  clients.push(client);
  return client;
}

const as = (username: string, password: string, more: MongoClientOptions = {}): MongoClientOptions => ({
  auth: { username, password },
  authSource: "admin",
  ...more,
});

async function codeOf(run: Promise<unknown>): Promise<number> {
  const thrown = await run.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(MongoServerError);
  return Number((thrown as MongoServerError).code);
}

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  for (const server of servers.splice(0)) await server.close();
});
afterAll(async () => {
  if (folder) await rm(folder, { recursive: true, force: true });
});

describe("SCRAM", () => {
  test("the exchange of RFC 7677's example proves both sides", async () => {
    const given = { iterationCount: 4096, salt: "W22ZaJ0SNY7soEsUEjb6gQ==", storedKey: "", serverKey: "" };
    const credential = await credentialOf("SCRAM-SHA-256", "pencil", given);
    expect(credential.storedKey).toBe("WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=");
    expect(credential.serverKey).toBe("wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
  });

  test("a wrong proof, another nonce and another binding are refused", async () => {
    const credential = await credentialOf("SCRAM-SHA-256", "pencil");
    const begin = (): ReturnType<typeof beginExchange> => beginExchange("SCRAM-SHA-256", "n,,n=user,r=abc", () => credential);
    const proof = Buffer.alloc(32).toString("base64");
    expect(() => begin().prove(`c=biws,r=abc,p=${proof}`)).toThrow("do not fit");
    const own = begin();
    const nonce = /r=([^,]+)/.exec(own.challenge)?.[1] ?? "";
    expect(() => own.prove(`c=eSws,r=${nonce},p=${proof}`)).toThrow("do not fit");
    expect(() => own.prove(`c=biws,r=${nonce},p=${proof}`)).toThrow("a wrong password");
    expect(() => beginExchange("SCRAM-SHA-256", "p=tls-unique,,n=user,r=abc", () => credential)).toThrow("no SCRAM");
  });

  test("passwords are compared as SASLprep makes them (RFC 4013's examples)", () => {
    expect(saslPrep("I\u00adX")).toBe("IX");
    expect(saslPrep("\u00aa")).toBe("a");
    expect(saslPrep("\u2168")).toBe("IX");
    expect(() => saslPrep("\u0007")).toThrow(RangeError);
  });
});

describe("logins", () => {
  test("without one only the handshake is answered; a wrong password is refused with 18; both mechanisms log in", async () => {
    const server = await start({ users: [{ user: "root", pwd: "päss, =word" }] });
    const nobody = connect(server);
    expect((await nobody.db("admin").command({ ping: 1 })).ok).toBe(1);
    expect((await nobody.db("admin").command({ hello: 1 })).isWritablePrimary).toBe(true);
    for (const command of [{ find: "c" }, { listDatabases: 1 }, { serverStatus: 1 }, { createUser: "x", pwd: "y", roles: [] }])
      expect(await codeOf(nobody.db("admin").command(command)), JSON.stringify(command)).toBe(13);
    expect(await codeOf(connect(server, as("root", "wrong")).db("x").command({ ping: 1 }))).toBe(18);
    expect(await codeOf(connect(server, as("nobody", "wrong")).db("x").command({ ping: 1 }))).toBe(18);
    for (const authMechanism of [undefined, "SCRAM-SHA-256", "SCRAM-SHA-1"] as const) {
      const client = connect(server, as("root", "päss, =word", authMechanism ? { authMechanism } : {}));
      await client.db("x").collection("c").insertOne({ authMechanism });
      const status = await client.db("admin").command({ connectionStatus: 1 });
      expect(status.authInfo).toEqual({
        authenticatedUsers: [{ user: "root", db: "admin" }],
        authenticatedUserRoles: [{ role: "root", db: "admin" }],
      });
    }
  });

  test("without a user one may be made from this machine, in admin, and no second one", async () => {
    const server = await start({ auth: true });
    const client = connect(server);
    expect(await codeOf(client.db("x").command({ createUser: "a", pwd: "b", roles: [] }))).toBe(13);
    expect(await codeOf(client.db("x").collection("c").insertOne({}))).toBe(13);
    await client.db("admin").command({ createUser: "boss", pwd: "secret", roles: ["root"] });
    expect(await codeOf(client.db("admin").command({ createUser: "a", pwd: "b", roles: ["root"] }))).toBe(13);
    await connect(server, as("boss", "secret")).db("x").collection("c").insertOne({});
  });

  test("roles allow what they say, each command checked, and a change of them holds at once", async () => {
    const server = await start({ users: [{ user: "root", pwd: "r" }] });
    const root = connect(server, as("root", "r"));
    const admin = root.db("admin");
    await root.db("lab").collection("c").insertOne({ a: 1 });
    await root.db("other").collection("c").insertOne({ a: 1 });
    await admin.command({ createUser: "reader", pwd: "p", roles: [{ role: "read", db: "lab" }] });
    const reader = connect(server, as("reader", "p"));
    const lab = reader.db("lab");
    expect(await lab.collection("c").countDocuments()).toBe(1);
    expect((await lab.listCollections().toArray()).map(({ name }) => name)).toEqual(["c"]);
    expect((await reader.db("admin").admin().listDatabases()).databases.map(({ name }) => name)).toEqual(["lab"]);
    const refused: (() => Promise<unknown>)[] = [
      () => lab.collection("c").insertOne({}),
      () => lab.collection("c").updateOne({}, { $set: { a: 2 } }),
      () => lab.collection("c").deleteMany({}),
      () => lab.collection("c").findOneAndDelete({}),
      () => lab.collection("c").createIndex({ a: 1 }),
      () => lab.collection("c").drop(),
      () => lab.dropDatabase(),
      () =>
        lab
          .collection("c")
          .aggregate([{ $out: "d" }])
          .toArray(),
      () =>
        lab
          .collection("c")
          .aggregate([{ $merge: { into: { db: "other", coll: "c" } } }])
          .toArray(),
      () => reader.db("other").collection("c").findOne(),
      () => lab.command({ createUser: "x", pwd: "y", roles: [] }),
      () => lab.command({ usersInfo: 1 }),
      () => reader.db("admin").command({ serverStatus: 1 }),
      () => reader.db("admin").command({ killOp: 1, op: 1 }),
      () => reader.db("admin").command({ configureFailPoint: "failCommand", mode: "off" }),
    ];
    for (const [i, run] of refused.entries()) expect(await codeOf(run()), `refusal ${i}`).toBe(13);
    const message = await lab
      .collection("c")
      .insertOne({ _id: 1 as never })
      .catch((thrown: Error) => thrown.message);
    expect(message).toMatch(/^not authorized on lab to execute command \{ insert: "c"/);
    await admin.command({ grantRolesToUser: "reader", roles: [{ role: "readWrite", db: "lab" }] });
    await lab.collection("c").insertOne({ b: 1 });
    await admin.command({
      revokeRolesFromUser: "reader",
      roles: [
        { role: "readWrite", db: "lab" },
        { role: "read", db: "lab" },
      ],
    });
    expect(await codeOf(lab.collection("c").findOne())).toBe(13);
    await admin.command({ dropUser: "reader" });
    expect(await codeOf(connect(server, as("reader", "p")).db("lab").collection("c").findOne())).toBe(18);
  });

  test("users are created, changed, listed and refused with MongoDB's codes", async () => {
    const server = await start({ users: [{ user: "root", pwd: "r" }] });
    const lab = connect(server, as("root", "r")).db("lab");
    await lab.command({ createUser: "u", pwd: "p", roles: ["readWrite"], customData: { team: 1 } });
    const { users } = await lab.command({ usersInfo: "u" });
    expect(users).toEqual([
      {
        _id: "lab.u",
        userId: expect.anything() as unknown,
        user: "u",
        db: "lab",
        customData: { team: 1 },
        roles: [{ role: "readWrite", db: "lab" }],
        mechanisms: ["SCRAM-SHA-1", "SCRAM-SHA-256"],
      },
    ]);
    expect((await lab.command({ usersInfo: { forAllDBs: true } })).users).toHaveLength(2);
    expect(await codeOf(lab.command({ createUser: "u", pwd: "p", roles: [] }))).toBe(51003);
    expect(await codeOf(lab.command({ createUser: "v", pwd: "p", roles: ["nope"] }))).toBe(31);
    expect(await codeOf(lab.command({ createUser: "v", pwd: "p", roles: ["root"] }))).toBe(31);
    expect(await codeOf(lab.command({ createUser: "v", pwd: "", roles: [] }))).toBe(2);
    expect(await codeOf(lab.command({ updateUser: "u" }))).toBe(2);
    expect(await codeOf(lab.command({ dropUser: "v" }))).toBe(11);
    await lab.command({ updateUser: "u", pwd: "q" });
    const own = (password: string): MongoClientOptions => ({ auth: { username: "u", password }, authSource: "lab" });
    expect(await codeOf(connect(server, own("p")).db("lab").collection("c").findOne())).toBe(18);
    await connect(server, own("q")).db("lab").collection("c").insertOne({});
    expect((await lab.command({ dropAllUsersFromDatabase: 1 })).n).toBe(1);
  });

  test("a cursor is read on by the user that opened it alone", async () => {
    const server = await start({
      users: [
        { user: "a", pwd: "p" },
        { user: "b", pwd: "p" },
      ],
    });
    const [a, b] = [connect(server, as("a", "p")).db("lab"), connect(server, as("b", "p")).db("lab")];
    await a.collection("c").insertMany(Array.from({ length: 10 }, () => ({})));
    const { cursor } = await a.command({ find: "c", batchSize: 2 });
    expect(await codeOf(b.command({ getMore: cursor.id as never, collection: "c" }))).toBe(13);
    expect(await codeOf(b.command({ killCursors: "c", cursors: [cursor.id as never] }))).toBe(13);
  });

  test("users outlive the server as keys, and the password stands nowhere", async () => {
    const dataDir = path.join(await temporary(), "data");
    const first = await startDocumentServer({ dataDir, port: 0, users: [{ user: "root", pwd: "tell-nobody" }] });
    const client = connect(first, as("root", "tell-nobody"));
    await client.db("admin").command({ createUser: "later", pwd: "not-even-me", roles: ["root"] });
    await client.close();
    await first.close();
    const bytes = await readFile(path.join(dataDir, "documents.sqlite"));
    expect(bytes.includes("storedKey")).toBe(true);
    expect(bytes.includes("tell-nobody") || bytes.includes("not-even-me")).toBe(false);
    const second = await start({ dataDir, storage: "disk", auth: true });
    await connect(second, as("later", "not-even-me")).db("x").collection("c").insertOne({});
    expect(
      await codeOf(
        connect(second)
          .db("admin")
          .command({ createUser: "a", pwd: "b", roles: ["root"] }),
      ),
    ).toBe(13);
  });
});

describe("TLS", () => {
  test("a certificate of the server's own making serves clients that trust it, and nobody in plain words", async () => {
    const server = await start({ tls: {}, users: [{ user: "root", pwd: "r" }] });
    expect(server.uri).toContain("tls=true");
    const client = connect(server, as("root", "r", { ca: server.certificate ?? "" }));
    await client.db("x").collection("c").insertOne({});
    await expect(connect(server, { serverSelectionTimeoutMS: 500 }).db("x").command({ ping: 1 })).rejects.toThrow(
      /self-signed|certificate/,
    );
    const plain = new MongoClient(server.uri.replace("&tls=true", ""), { serverSelectionTimeoutMS: 500 });
    clients.push(plain);
    await expect(plain.db("x").command({ ping: 1 })).rejects.toThrow();
    await client.db("x").collection("c").insertOne({});
  });

  test("files that are no certificate are told", async () => {
    await expect(startDocumentServer({ storage: "memory", port: 0, tls: { cert: "no", key: "no" } })).rejects.toMatchObject({
      code: "TLS_UNUSABLE",
    });
  });
});

describe("the file of users", () => {
  test("is read where only its owner may, and says what is wrong with it", async () => {
    const file = path.join(await temporary(), "users.json");
    await writeFile(file, JSON.stringify({ users: [{ user: "lab", pwd: "secret", roles: ["readWriteAnyDatabase"] }] }), { mode: 0o600 });
    expect(await securityFrom(file, {})).toEqual({ users: [{ user: "lab", pwd: "secret", roles: ["readWriteAnyDatabase"] }] });
    expect(await securityFrom(undefined, { STREAMLAB_MONGO_SECURITY: '{"auth": true}' })).toEqual({ auth: true });
    expect(await securityFrom(undefined, {})).toEqual({});
    await expect(securityFrom(undefined, { STREAMLAB_MONGO_SECURITY: '{"users": [{"user": "x"}]}' })).rejects.toThrow(
      'the user "x" has no password',
    );
    await expect(securityFrom(undefined, { STREAMLAB_MONGO_SECURITY: "{" })).rejects.toThrow("no JSON");
    if (process.platform === "win32") return;
    await chmod(file, 0o644);
    await expect(securityFrom(file, {})).rejects.toThrow("others may read");
  });
});
