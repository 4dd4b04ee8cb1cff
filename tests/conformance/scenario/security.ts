import { createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import tls from "node:tls";
import kafkajsModule from "kafkajs";
import { alterUserScramCredentialsApi } from "../../../src/kafka-protocol/messages/alter-user-scram-credentials.ts";
import { apiVersionsApi } from "../../../src/kafka-protocol/messages/api-versions.ts";
import { createAclsApi } from "../../../src/kafka-protocol/messages/create-acls.ts";
import { createTopicsApi } from "../../../src/kafka-protocol/messages/create-topics.ts";
import { deleteAclsApi } from "../../../src/kafka-protocol/messages/delete-acls.ts";
import { describeAclsApi } from "../../../src/kafka-protocol/messages/describe-acls.ts";
import { describeConfigsApi } from "../../../src/kafka-protocol/messages/describe-configs.ts";
import { describeUserScramCredentialsApi } from "../../../src/kafka-protocol/messages/describe-user-scram-credentials.ts";
import { fetchApi } from "../../../src/kafka-protocol/messages/fetch.ts";
import { findCoordinatorApi } from "../../../src/kafka-protocol/messages/find-coordinator.ts";
import { initProducerIdApi } from "../../../src/kafka-protocol/messages/init-producer-id.ts";
import { joinGroupApi } from "../../../src/kafka-protocol/messages/join-group.ts";
import { listOffsetsApi } from "../../../src/kafka-protocol/messages/list-offsets.ts";
import { metadataApi } from "../../../src/kafka-protocol/messages/metadata.ts";
import { offsetFetchApi } from "../../../src/kafka-protocol/messages/offset-fetch.ts";
import { produceApi } from "../../../src/kafka-protocol/messages/produce.ts";
import { saslAuthenticateApi } from "../../../src/kafka-protocol/messages/sasl-authenticate.ts";
import { saslHandshakeApi } from "../../../src/kafka-protocol/messages/sasl-handshake.ts";
import { encodeBatch } from "../../../src/kafka-protocol/record-batch.ts";
import { createKafkaJs } from "../../../src/kafka/kafkajs-adapter.ts";
import { eventually, record, type Place, type SecureListeners } from "../harness/place.ts";
import { type RawClient, rawClientOver } from "../harness/raw-client.ts";
import { KAFKAJS_CLIENT_ID } from "../harness/request-tap.ts";
import { frames, java, kafkajs, kcat, raw, refusal, type Theme } from "../harness/step.ts";
import { said } from "./said.ts";
import { CONFORMANCE_USER as USER } from "./users.ts";

const T = 1_700_000_000_000;
const LITERAL = 3;
const PREFIXED = 4;
const ALLOW = 3;
const TOPIC = 2;
const GROUP = 3;
const READ = 3;
/** COORDINATOR_LOAD_IN_PROGRESS: real Kafka's first id comes from its controller. */
const COORDINATOR_LOADING = 14;
const WRITE = 4;

function listeners(place: Place): SecureListeners {
  const { secure } = place.target;
  if (!secure) throw new Error("this broker has no secure listeners");
  return secure;
}

async function connected(address: string, ca?: string): Promise<RawClient> {
  const [host = "", port] = address.split(":");
  const socket =
    ca === undefined ? net.connect({ host, port: Number(port) }) : tls.connect({ host, port: Number(port), ca, servername: "localhost" });
  await new Promise<void>((resolve, reject) => {
    socket.once(ca === undefined ? "connect" : "secureConnect", resolve);
    socket.once("error", reject);
  });
  return rawClientOver(socket);
}

const plain = (name: string, password: string, as: string = ""): Buffer => Buffer.from(`${as}\0${name}\0${password}`);

/** A connection that has logged in with PLAIN. */
async function loggedIn(place: Place): Promise<RawClient> {
  const client = await connected(listeners(place).saslPlaintext);
  await client.ask(saslHandshakeApi, 1, { mechanism: "PLAIN" });
  await client.ask(saslAuthenticateApi, 2, { authBytes: plain(USER.name, USER.password) });
  return client;
}

/** What the user is answered over a connection of its own. */
async function asUser<T>(place: Place, ask: (client: RawClient) => Promise<T>): Promise<T> {
  const client = await loggedIn(place);
  try {
    return await ask(client);
  } finally {
    client.close();
  }
}

/** The SCRAM exchange of a client (RFC 5802): each answer, and whether the server proved that it knows the password. */
async function scram(place: Place, mechanism: "SCRAM-SHA-256" | "SCRAM-SHA-512", name: string, password: string): Promise<unknown> {
  const client = await connected(listeners(place).saslPlaintext);
  try {
    const found = await client.ask(saslHandshakeApi, 1, { mechanism });
    const handshake = found === "closed" ? found : { ...found, mechanisms: [...found.mechanisms].sort() };
    const hash = mechanism === "SCRAM-SHA-256" ? "sha256" : "sha512";
    const size = hash === "sha256" ? 32 : 64;
    const bare = `n=${name},r=${randomBytes(12).toString("hex")}`;
    const first = await client.ask(saslAuthenticateApi, 2, { authBytes: Buffer.from(`n,,${bare}`) });
    if (first === "closed" || first.errorCode !== 0) return { handshake, first };
    const server = first.authBytes.toString();
    const { nonce = "", salt = "", iterations = "" } = /r=(?<nonce>[^,]+),s=(?<salt>[^,]+),i=(?<iterations>\d+)/.exec(server)?.groups ?? {};
    const salted = pbkdf2Sync(password, Buffer.from(salt, "base64"), Number(iterations), size, hash);
    const hmac = (key: Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest();
    const clientKey = hmac(salted, "Client Key");
    const { createHash } = await import("node:crypto");
    const storedKey = createHash(hash).update(clientKey).digest();
    const withoutProof = `c=biws,r=${nonce}`;
    const signature = hmac(storedKey, `${bare},${server},${withoutProof}`);
    const proof = Buffer.from(clientKey.map((byte, i) => byte ^ (signature[i] ?? 0))).toString("base64");
    const last = await client.ask(saslAuthenticateApi, 2, { authBytes: Buffer.from(`${withoutProof},p=${proof}`) });
    const expected = hmac(hmac(salted, "Server Key"), `${bare},${server},${withoutProof}`).toString("base64");
    const isProven = last !== "closed" && last.authBytes.toString() === `v=${expected}`;
    return {
      handshake,
      iterations: Number(iterations) >= 4096,
      last: last === "closed" ? last : { ...last, authBytes: undefined },
      isProven,
    };
  } finally {
    client.close();
  }
}

const acl = (operation: number, resourceType: number, resourceName: string, more: object = {}) => ({
  resourceType,
  resourceName,
  resourcePatternType: LITERAL,
  principal: `User:${USER.name}`,
  host: "*",
  operation,
  permissionType: ALLOW,
  ...more,
});

const filter = (resourceNameFilter: string | null, more: object = {}) => ({
  resourceTypeFilter: TOPIC,
  resourceNameFilter,
  patternTypeFilter: LITERAL,
  principalFilter: null,
  hostFilter: null,
  operation: 1,
  permissionType: 1,
  ...more,
});

async function properties(place: Place, mechanism: string, password: string = USER.password): Promise<string> {
  const file = path.join(place.programs.folder, `client-${place.target.name}-${mechanism}-${password.length}.properties`);
  const module = mechanism === "PLAIN" ? "plain.PlainLoginModule" : "scram.ScramLoginModule";
  const lines = [
    "security.protocol=SASL_SSL",
    `sasl.mechanism=${mechanism}`,
    `sasl.jaas.config=org.apache.kafka.common.security.${module} required username="${USER.name}" password="${password}";`,
    "ssl.truststore.type=PEM",
    `ssl.truststore.location=${listeners(place).certificateFile}`,
    "default.api.timeout.ms=5000",
  ];
  await writeFile(file, `${lines.join("\n")}\n`);
  return file;
}

const scramOf = (name: string, more: object = {}) => ({
  deletions: [],
  upsertions: [{ name, mechanism: 1, iterations: 4096, salt: Buffer.from("salt"), saltedPassword: Buffer.alloc(32, 1), ...more }],
});

/** Of a length that needs no padding in base64, which librdkafka 2.0 stumbles over. */
const SALT = Buffer.from("24 bytes of salt, really");
const CREDENTIALS = [
  { mechanism: 1, hash: "sha256", size: 32 },
  { mechanism: 2, hash: "sha512", size: 64 },
].map(({ mechanism, hash, size }) => ({
  name: USER.name,
  mechanism,
  iterations: 4096,
  salt: SALT,
  saltedPassword: pbkdf2Sync(USER.password, SALT, 4096, size, hash),
}));

/** Logins, TLS, permissions. */
export const securityTheme: Theme = {
  name: "security",
  title: "SASL, SCRAM, TLS, permissions",
  before: async (place) => {
    await place.topics("s-open", "s-closed", "s-prefix-a");
    await place.append("s-open", 0, [record("for all to see", T)]);
    for (const credential of CREDENTIALS) {
      const upserted = await place.get(alterUserScramCredentialsApi, 0, { deletions: [], upsertions: [credential] });
      if (upserted.results.some(({ errorCode }) => errorCode !== 0)) throw new Error(`no credentials: ${JSON.stringify(upserted.results)}`);
    }
    const { results } = await place.get(createAclsApi, 3, {
      creations: [
        acl(READ, TOPIC, "s-open"),
        acl(WRITE, TOPIC, "s-open"),
        acl(READ, GROUP, "s-group"),
        acl(READ, TOPIC, "s-prefix-", { resourcePatternType: PREFIXED }),
      ],
    });
    if (results.some(({ errorCode }) => errorCode !== 0)) throw new Error(`no permissions: ${JSON.stringify(results)}`);
    await eventually("permissions", () =>
      asUser(place, async (client) => {
        const answer = await client.ask(metadataApi, 9, { topics: [{ name: "s-prefix-a" }], allowAutoTopicCreation: false });
        return answer !== "closed" && answer.topics[0]?.errorCode === 0 ? true : undefined;
      }),
    );
  },
  steps: [
    ...frames(
      saslHandshakeApi,
      {
        title: "known and unknown mechanisms, on a listener with a login",
        body: () => ({ mechanism: "PLAIN" }),
        shown: async (_, v, place) => {
          const answers: unknown[] = [];
          for (const mechanism of ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "MAGIC"]) {
            const client = await connected(listeners(place).saslPlaintext);
            const answer = await client.ask(saslHandshakeApi, v, { mechanism });
            answers.push(answer === "closed" ? answer : { ...answer, mechanisms: [...answer.mechanisms].sort() });
            client.close();
          }
          return answers;
        },
      },
      { title: "on a listener without a login", body: () => ({ mechanism: "PLAIN" }) },
    ),
    ...frames(
      saslAuthenticateApi,
      {
        title: "PLAIN with a right, a wrong password, of nobody, as somebody else, of no form",
        body: () => ({ authBytes: Buffer.alloc(0) }),
        shown: async (_, v, place) => {
          const answers: unknown[] = [];
          for (const authBytes of [
            plain(USER.name, USER.password),
            plain(USER.name, "wrong"),
            plain("nobody", USER.password),
            plain(USER.name, USER.password, "somebody"),
            Buffer.from("no form at all"),
            plain("", ""),
          ]) {
            const client = await connected(listeners(place).saslPlaintext);
            await client.ask(saslHandshakeApi, 1, { mechanism: "PLAIN" });
            const answer = await client.ask(saslAuthenticateApi, v, { authBytes });
            const next = await client.ask(apiVersionsApi, 0, {});
            answers.push({ answer, next: next === "closed" ? next : "answered" });
            client.close();
          }
          return answers;
        },
      },
      { title: "on a listener without a login", body: () => ({ authBytes: plain(USER.name, USER.password) }) },
    ),
    raw("ApiVersions is answered before the login, nothing else is", async (place) => {
      const ask = async (how: (client: RawClient) => Promise<unknown>): Promise<unknown> => {
        const client = await connected(listeners(place).saslPlaintext);
        try {
          return (await how(client)) === "closed" ? "closed" : "answered";
        } finally {
          client.close();
        }
      };
      return [
        await ask((client) => client.ask(apiVersionsApi, 3, { clientSoftwareName: "a", clientSoftwareVersion: "1" })),
        await ask((client) => client.ask(metadataApi, 9, { topics: [] })),
        await ask((client) => client.ask(saslAuthenticateApi, 1, { authBytes: plain(USER.name, USER.password) })),
        await ask(async (client) => {
          await client.ask(saslHandshakeApi, 1, { mechanism: "PLAIN" });
          return client.ask(metadataApi, 9, { topics: [] });
        }),
      ];
    }),
    ...(["SCRAM-SHA-256", "SCRAM-SHA-512"] as const).flatMap((mechanism) => [
      raw(`${mechanism}: a right password`, (place) => scram(place, mechanism, USER.name, USER.password)),
      raw(`${mechanism}: a wrong password`, (place) => scram(place, mechanism, USER.name, "wrong")),
      raw(`${mechanism}: nobody`, (place) => scram(place, mechanism, "nobody", "wrong")),
    ]),
    raw("TLS: the versions that are spoken, a certificate that is not trusted", async (place) => {
      const { ssl, certificate } = listeners(place);
      const [host, port] = ssl.split(":");
      const tried = async (options: tls.ConnectionOptions): Promise<string> =>
        new Promise((resolve) => {
          const socket = tls.connect({ host, port: Number(port), servername: "localhost", ...options });
          socket.once("secureConnect", () => {
            resolve(socket.getProtocol() ?? "");
            socket.destroy();
          });
          socket.once("error", () => resolve("refused"));
        });
      return [
        await tried({ ca: certificate }),
        await tried({ ca: certificate, maxVersion: "TLSv1.2" }),
        await tried({ ca: certificate, minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }),
        await tried({}),
      ];
    }),
    raw("TLS: frames are answered; plain text is not", async (place) => {
      const { ssl, certificate } = listeners(place);
      const secure = await connected(ssl, certificate);
      const plainly = await connected(ssl);
      try {
        const answer = await secure.ask(metadataApi, 9, { topics: [{ name: "s-open" }], allowAutoTopicCreation: false });
        const bad = await plainly.ask(metadataApi, 9, { topics: [] }).catch(() => "closed");
        return { answer: answer === "closed" ? answer : answer.topics.map(({ name, errorCode }) => ({ name, errorCode })), bad };
      } finally {
        secure.close();
        plainly.close();
      }
    }),
    raw("a user without permission: produce, fetch, offsets, metadata, configs, topics, groups, transactions", (place) =>
      asUser(place, async (client) => ({
        metadata: await client.ask(metadataApi, 9, {
          topics: [{ name: "s-closed" }, { name: "s-open" }, { name: "s-nowhere" }],
          allowAutoTopicCreation: true,
        }),
        all: await client.ask(metadataApi, 9, { topics: null, allowAutoTopicCreation: false }),
        operations: await client.ask(metadataApi, 9, {
          topics: [{ name: "s-open" }],
          includeTopicAuthorizedOperations: true,
          includeClusterAuthorizedOperations: true,
        }),
        produce: await client.ask(produceApi, 9, {
          transactionalId: null,
          acks: -1,
          timeoutMs: 1000,
          topicData: [{ name: "s-closed", partitionData: [{ index: 0, records: encodeBatch([record("x", T)]) }] }],
        }),
        fetch: await client.ask(fetchApi, 11, {
          maxWaitMs: 0,
          minBytes: 0,
          maxBytes: 1000,
          isolationLevel: 0,
          topics: [{ topic: "s-closed", partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
        }),
        offsets: await client.ask(listOffsetsApi, 5, {
          replicaId: -1,
          isolationLevel: 0,
          topics: [{ name: "s-closed", partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
        }),
        configs: await client.ask(describeConfigsApi, 4, {
          resources: [
            { resourceType: TOPIC, resourceName: "s-closed", configurationKeys: [] },
            { resourceType: 4, resourceName: "1", configurationKeys: [] },
          ],
          includeSynonyms: false,
        }),
        create: await client.ask(createTopicsApi, 5, {
          topics: [{ name: "s-new", numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
          timeoutMs: 1000,
          validateOnly: false,
        }),
        group: await client.ask(joinGroupApi, 5, {
          groupId: "s-other",
          sessionTimeoutMs: 10_000,
          rebalanceTimeoutMs: 10_000,
          memberId: "",
          protocolType: "consumer",
          protocols: [{ name: "range", metadata: Buffer.alloc(0) }],
        }),
        committed: await client.ask(offsetFetchApi, 8, { groups: [{ groupId: "s-other", topics: null }] }),
        coordinator: await client.ask(findCoordinatorApi, 2, { key: "s-other", keyType: 0, coordinatorKeys: [] }),
        transaction: await client.ask(initProducerIdApi, 4, { transactionalId: "s-tx", transactionTimeoutMs: 1000 }),
        acls: await client
          .ask(describeAclsApi, 3, filter(null))
          .then((answer) => (answer === "closed" ? answer : { errorCode: answer.errorCode })),
        users: await client.ask(describeUserScramCredentialsApi, 0, { users: [{ name: USER.name }] }),
      })),
    ),
    raw("the same user with permission", (place) =>
      asUser(place, async (client) => ({
        produce: await client.ask(produceApi, 9, {
          transactionalId: null,
          acks: -1,
          timeoutMs: 1000,
          topicData: [{ name: "s-open", partitionData: [{ index: 0, records: encodeBatch([record("mine", T)]) }] }],
        }),
        offsets: await client.ask(listOffsetsApi, 5, {
          replicaId: -1,
          isolationLevel: 0,
          topics: [{ name: "s-open", partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
        }),
        prefix: await client.ask(metadataApi, 9, { topics: [{ name: "s-prefix-a" }], allowAutoTopicCreation: false }),
        coordinator: await client.ask(findCoordinatorApi, 2, { key: "s-group", keyType: 0, coordinatorKeys: [] }),
        idempotent: await eventually("a producer id", async () => {
          const answer = await client.ask(initProducerIdApi, 4, { transactionalId: null, transactionTimeoutMs: 1000 });
          return answer === "closed" || answer.errorCode === COORDINATOR_LOADING ? undefined : answer.errorCode;
        }),
      })),
    ),
    ...frames(
      createAclsApi,
      { title: "one, and again", body: (v) => ({ creations: [acl(READ, TOPIC, `s-acl-v${v}`), acl(READ, TOPIC, `s-acl-v${v}`)] }) },
      {
        title: "of a principal without a kind, of no name",
        body: (v) => ({ creations: [acl(READ, TOPIC, `s-acl-v${v}`, { principal: "bob" }), acl(READ, TOPIC, "")] }),
      },
      { title: "of a kind of resource that there is not", body: () => ({ creations: [acl(READ, 77, "x")] }) },
      { title: "of no operation", body: () => ({ creations: [acl(0, TOPIC, "x")] }) },
    ),
    ...frames(
      describeAclsApi,
      {
        title: "of a topic",
        body: (v) => filter(`s-acl-v${v}`),
        before: (v, place) =>
          eventually("the permission", async () => {
            const found = await place.get(describeAclsApi, 3, filter(`s-acl-v${v}`));
            return found.resources.length > 0 ? true : undefined;
          }),
      },
      { title: "of a topic without any", body: () => filter("s-none") },
      { title: "that match a name", body: () => filter("s-prefix-zzz", { patternTypeFilter: 2 }) },
      { title: "of a kind that there is not", body: () => filter(null, { resourceTypeFilter: 77 }) },
    ),
    ...frames(deleteAclsApi, { title: "of a topic, and again", body: (v) => ({ filters: [filter(`s-acl-v${v}`), filter("s-none")] }) }),
    ...frames(
      alterUserScramCredentialsApi,
      { title: "a new user", body: () => scramOf("s-new-user") },
      { title: "too few iterations", body: () => scramOf("s-few", { iterations: 4095 }) },
      { title: "too many iterations", body: () => scramOf("s-many", { iterations: 16_385 }) },
      { title: "a mechanism that there is not", body: () => scramOf("s-mechanism", { mechanism: 9 }) },
      { title: "no name", body: () => scramOf("") },
      { title: "one that is not there is deleted", body: () => ({ deletions: [{ name: "s-nobody", mechanism: 1 }], upsertions: [] }) },
      {
        title: "the same user deleted and set at once",
        body: () => ({ ...scramOf("s-both"), deletions: [{ name: "s-both", mechanism: 1 }] }),
      },
    ),
    ...frames(
      describeUserScramCredentialsApi,
      { title: "some users", body: () => ({ users: [{ name: USER.name }, { name: "s-nobody" }] }) },
      { title: "the same user twice", body: () => ({ users: [{ name: USER.name }, { name: USER.name }] }) },
      {
        title: "all",
        body: () => ({ users: null }),
        before: (_, place) =>
          eventually("the user", async () => {
            const { results } = await place.get(describeUserScramCredentialsApi, 0, { users: [{ name: "s-new-user" }] });
            return results[0]?.errorCode === 0 ? true : undefined;
          }),
      },
    ),
    ...(["plain", "scram-sha-256", "scram-sha-512"] as const).map((mechanism) =>
      kafkajs(`${mechanism} over TLS: what may be read is read, what may not is refused`, async (place) => {
        const { saslSsl, certificate } = listeners(place);
        const client = createKafkaJs(
          {
            brokers: [saslSsl],
            clientId: KAFKAJS_CLIENT_ID,
            ssl: { ca: certificate },
            sasl: { mechanism, username: USER.name, password: USER.password },
          },
          1,
        );
        const producer = client.producer();
        await producer.connect();
        try {
          const sent = await producer.send({ topic: "s-open", messages: [{ value: mechanism, timestamp: String(T) }] });
          const refused = await refusal(producer.send({ topic: "s-closed", messages: [{ value: mechanism }] }));
          return { sent: sent.map(({ errorCode }) => errorCode), refused };
        } finally {
          await producer.disconnect();
        }
      }),
    ),
    kafkajs("a wrong password", async (place) => {
      const { saslSsl, certificate } = listeners(place);
      const client = new kafkajsModule.Kafka({
        brokers: [saslSsl],
        clientId: KAFKAJS_CLIENT_ID,
        ssl: { ca: certificate },
        sasl: { mechanism: "scram-sha-256", username: USER.name, password: "wrong" },
        logLevel: kafkajsModule.logLevel.NOTHING,
        retry: { retries: 0 },
      });
      return refusal(client.admin().connect());
    }),
    ...["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"].map((mechanism) =>
      kcat(`${mechanism} over TLS`, async (place) => {
        const { saslSsl, certificateFile } = listeners(place);
        const login = [
          "security.protocol=SASL_SSL",
          `ssl.ca.location=${certificateFile}`,
          `sasl.mechanism=${mechanism}`,
          `sasl.username=${USER.name}`,
          `sasl.password=${USER.password}`,
          "ssl.endpoint.identification.algorithm=none",
        ];
        const options = [...login.flatMap((one) => ["-X", one]), ...(mechanism === "PLAIN" ? [] : ["-m", "4"])];
        return {
          sent: said(await place.kcat(["-b", saslSsl, ...options, "-P", "-t", "s-prefix-a"], "x\n")).exit,
          read: said(await place.kcat(["-b", saslSsl, ...options, "-C", "-t", "s-open", "-o", "beginning", "-c", "1", "-q"])),
        };
      }),
    ),
    ...["PLAIN", "SCRAM-SHA-512"].map((mechanism) =>
      java(`kafka-console-producer and -consumer, ${mechanism} over TLS`, async (place) => {
        const file = await properties(place, mechanism);
        const produced = await place.java(
          "ConsoleProducer",
          ["--bootstrap-server", listeners(place).saslSsl, "--command-config", file, "--topic", "s-open"],
          { input: "from Java\n" },
        );
        const consumed = await place.java("consumer.ConsoleConsumer", [
          "--bootstrap-server",
          listeners(place).saslSsl,
          "--command-config",
          file,
          "--topic",
          "s-open",
          "--group",
          "s-group",
          "--from-beginning",
          "--max-messages",
          "1",
          "--timeout-ms",
          "10000",
        ]);
        return { produced: said(produced), consumed: { exit: consumed.exit, out: said(consumed).out } };
      }),
    ),
    java("kafka-topics with a wrong password, and without permission", async (place) => ({
      wrong: said(
        await place.java("TopicCommand", [
          "--bootstrap-server",
          listeners(place).saslSsl,
          "--command-config",
          await properties(place, "PLAIN", "wrong"),
          "--list",
        ]),
      ),
      create: said(
        await place.java("TopicCommand", [
          "--bootstrap-server",
          listeners(place).saslSsl,
          "--command-config",
          await properties(place, "PLAIN"),
          "--create",
          "--topic",
          "s-java",
        ]),
      ),
      list: said(
        await place.java("TopicCommand", [
          "--bootstrap-server",
          listeners(place).saslSsl,
          "--command-config",
          await properties(place, "PLAIN"),
          "--list",
        ]),
      ),
    })),
    java("kafka-acls --add, --list, --remove", async (place) => [
      said(
        await place.java("AclCommand", [
          "--bootstrap-server",
          "@",
          "--add",
          "--allow-principal",
          "User:carol",
          "--operation",
          "Read",
          "--operation",
          "Write",
          "--topic",
          "s-carol",
        ]),
      ),
      said(
        await place.java("AclCommand", [
          "--bootstrap-server",
          "@",
          "--add",
          "--allow-principal",
          "User:carol",
          "--producer",
          "--topic",
          "s-carol-",
          "--resource-pattern-type",
          "prefixed",
        ]),
      ),
      said(await place.java("AclCommand", ["--bootstrap-server", "@", "--list", "--topic", "s-carol"])),
      said(await place.java("AclCommand", ["--bootstrap-server", "@", "--remove", "--force", "--topic", "s-carol"])),
    ]),
    java("kafka-configs of a user: SCRAM credentials", async (place) => [
      said(
        await place.java("kafka.admin.ConfigCommand", [
          "--bootstrap-server",
          "@",
          "--alter",
          "--add-config",
          "SCRAM-SHA-256=[iterations=4096,password=secret]",
          "--entity-type",
          "users",
          "--entity-name",
          "s-java-user",
        ]),
      ),
      said(
        await place.java("kafka.admin.ConfigCommand", [
          "--bootstrap-server",
          "@",
          "--describe",
          "--entity-type",
          "users",
          "--entity-name",
          "s-java-user",
        ]),
      ),
      said(
        await place.java("kafka.admin.ConfigCommand", [
          "--bootstrap-server",
          "@",
          "--alter",
          "--delete-config",
          "SCRAM-SHA-256",
          "--entity-type",
          "users",
          "--entity-name",
          "s-java-user",
        ]),
      ),
    ]),
  ],
};
