import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apiHandlers } from "../handlers.ts";
import { aclOperations, patternTypes, resourceTypes, type Acl, type AclFilter } from "./acl.ts";
import { accessOf, authorizedOperations, openAuthorizer, parseRight, type AuthorizerOptions } from "./authorizer.ts";
import { securityFrom } from "./bootstrap.ts";
import { guards, openApis } from "./guards.ts";

let folder: string;
let folders = 0;
beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "broker-authorizer-"));
});
afterAll(() => fs.rm(folder, { recursive: true, force: true }));

const acl = (over: Partial<Acl> = {}): Acl => ({
  resourceType: "TOPIC",
  resourceName: "t",
  patternType: "LITERAL",
  principal: "User:alice",
  host: "*",
  operation: "READ",
  permission: "ALLOW",
  ...over,
});

/** What alice, at 10.0.0.1, may do. */
async function aliceOf(acls: readonly Acl[], options: AuthorizerOptions = {}) {
  const own = path.join(folder, String(folders++));
  const authorizer = await openAuthorizer(own, false, { ...options, acls });
  const access = accessOf(authorizer, { principal: "User:alice", host: "10.0.0.1" });
  await authorizer.close();
  return access;
}

describe("a rule", () => {
  test("about a name holds for this name, a prefix for what begins so, and * for all", async () => {
    const access = await aliceOf([acl(), acl({ resourceName: "pre-", patternType: "PREFIXED" })]);
    expect(access.allows("READ", "TOPIC", "t")).toBe(true);
    expect(access.allows("READ", "TOPIC", "tt")).toBe(false);
    expect(access.allows("READ", "TOPIC", "pre-x")).toBe(true);
    expect(access.allows("READ", "TOPIC", "pre")).toBe(false);
    expect(access.allows("READ", "GROUP", "t")).toBe(false);
    expect((await aliceOf([acl({ resourceName: "*" })])).allows("READ", "TOPIC", "anything")).toBe(true);
    expect((await aliceOf([acl({ resourceName: "*", patternType: "PREFIXED" })])).allows("READ", "TOPIC", "anything")).toBe(false);
  });

  test("is for a principal, or for User:*, from an address, or from anywhere", async () => {
    expect((await aliceOf([acl({ principal: "User:bob" })])).allows("READ", "TOPIC", "t")).toBe(false);
    expect((await aliceOf([acl({ principal: "User:*" })])).allows("READ", "TOPIC", "t")).toBe(true);
    expect((await aliceOf([acl({ host: "10.0.0.1" })])).allows("READ", "TOPIC", "t")).toBe(true);
    expect((await aliceOf([acl({ host: "10.0.0.2" })])).allows("READ", "TOPIC", "t")).toBe(false);
  });

  test("that denies wins over all that allow, wherever they stand", async () => {
    const denial = acl({ permission: "DENY", resourceName: "pre-secret" });
    const access = await aliceOf([acl({ operation: "ALL", resourceName: "pre-", patternType: "PREFIXED" }), denial]);
    expect(access.allows("WRITE", "TOPIC", "pre-open")).toBe(true);
    expect(access.allows("READ", "TOPIC", "pre-secret")).toBe(false);
    expect(access.allows("WRITE", "TOPIC", "pre-secret")).toBe(true);
    expect((await aliceOf([acl(), acl({ permission: "DENY", operation: "ALL", principal: "User:*" })])).allows("READ", "TOPIC", "t")).toBe(
      false,
    );
  });

  test.each(["READ", "WRITE", "DELETE", "ALTER"] as const)(
    "that allows %s lets describe; one that denies it does not hide",
    async (operation) => {
      expect((await aliceOf([acl({ operation })])).allows("DESCRIBE", "TOPIC", "t")).toBe(true);
      const access = await aliceOf([acl({ operation: "DESCRIBE" }), acl({ operation, permission: "DENY" })]);
      expect(access.allows("DESCRIBE", "TOPIC", "t")).toBe(true);
    },
  );

  test("that allows ALTER_CONFIGS lets DESCRIBE_CONFIGS, and CREATE does not let DESCRIBE", async () => {
    expect((await aliceOf([acl({ operation: "ALTER_CONFIGS" })])).allows("DESCRIBE_CONFIGS", "TOPIC", "t")).toBe(true);
    expect((await aliceOf([acl({ operation: "CREATE" })])).allows("DESCRIBE", "TOPIC", "t")).toBe(false);
  });
});

test("without a rule about a resource nobody may, or everybody where allow.everyone.if.no.acl.found is set; super users may everything", async () => {
  expect((await aliceOf([])).allows("READ", "TOPIC", "t")).toBe(false);
  const open = await aliceOf([acl({ principal: "User:bob" })], { allowEveryoneIfNoAclFound: true });
  expect(open.allows("READ", "TOPIC", "other")).toBe(true);
  expect(open.allows("READ", "TOPIC", "t")).toBe(false);
  const denied = acl({ operation: "ALL", permission: "DENY" });
  expect((await aliceOf([denied], { superUsers: ["User:alice"] })).allows("READ", "TOPIC", "t")).toBe(true);
});

test("whoever may write anywhere may have a producer's id, unless all of it is denied (KIP-679)", async () => {
  const write = acl({ operation: "WRITE", resourceName: "pre-", patternType: "PREFIXED" });
  expect((await aliceOf([write])).allowsSome("WRITE", "TOPIC")).toBe(true);
  expect((await aliceOf([acl()])).allowsSome("WRITE", "TOPIC")).toBe(false);
  const denial = (over: Partial<Acl>): Acl => acl({ operation: "WRITE", permission: "DENY", ...over });
  expect((await aliceOf([write, denial({ resourceName: "pre-x" })])).allowsSome("WRITE", "TOPIC")).toBe(true);
  expect((await aliceOf([write, denial({ resourceName: "pr", patternType: "PREFIXED" })])).allowsSome("WRITE", "TOPIC")).toBe(false);
  expect((await aliceOf([write, denial({ resourceName: "*" })])).allowsSome("WRITE", "TOPIC")).toBe(false);
});

test("rules survive the process; a filter finds and removes them", async () => {
  const own = path.join(folder, "durable");
  const any: AclFilter = { resourceType: 1, resourceName: null, patternType: 1, principal: null, host: null, operation: 1, permission: 1 };
  const first = await openAuthorizer(own, true, {
    acls: [acl(), acl({ resourceName: "pre-", patternType: "PREFIXED", operation: "WRITE" })],
  });
  await first.add([acl(), acl({ resourceName: "gone" })]);
  await first.remove(first.list({ ...any, resourceName: "gone" }));
  await first.close();
  const again = await openAuthorizer(own, true, {});
  expect(again.list(any)).toEqual([acl(), acl({ resourceName: "pre-", patternType: "PREFIXED", operation: "WRITE" })]);
  expect(again.list({ ...any, resourceName: "pre-x", patternType: 2 })).toHaveLength(1);
  expect(again.list({ ...any, resourceName: "pre-x" })).toHaveLength(0);
  expect(again.list({ ...any, patternType: patternTypes.PREFIXED, operation: aclOperations.WRITE })).toHaveLength(1);
  expect(again.list({ ...any, resourceType: resourceTypes.GROUP })).toHaveLength(0);
  await again.close();
});

test("the operations that are allowed come as Kafka's bit field", async () => {
  const access = await aliceOf([acl(), acl({ operation: "WRITE" })]);
  const bits = (1 << aclOperations.READ) | (1 << aclOperations.WRITE) | (1 << aclOperations.DESCRIBE);
  expect(authorizedOperations(access, "TOPIC", "t")).toBe(bits);
  expect(authorizedOperations(access, "TOPIC", "other")).toBe(0);
});

test("every API that is served has a guard, or is one that needs no right", () => {
  const without = apiHandlers.filter(({ api }) => !guards.has(api.key) && !openApis.has(api.key)).map(({ api }) => api.name);
  expect(without).toEqual([]);
});

describe("a file of users and permissions", () => {
  test("gives users, super users and rights; others may not read it", async () => {
    const file = path.join(folder, "security.json");
    const json = { users: { alice: "s" }, superUsers: ["User:admin"], permissions: ["alice write transactions", "alice group lab-*"] };
    await fs.writeFile(file, JSON.stringify(json), { mode: 0o600 });
    const options = await securityFrom(file, {});
    expect(options.users).toEqual([{ name: "alice", password: "s" }]);
    expect(options.authorizer?.superUsers).toEqual(["User:admin"]);
    expect(options.authorizer?.acls).toContainEqual(acl({ resourceName: "transactions", operation: "WRITE" }));
    expect(options.authorizer?.acls).toContainEqual(acl({ resourceType: "GROUP", resourceName: "lab-", patternType: "PREFIXED" }));
    if (process.platform !== "win32") {
      await fs.chmod(file, 0o644);
      await expect(securityFrom(file, {})).rejects.toThrow(/others may read .*chmod 600/);
    }
  });

  test("may come from the environment instead; without either nothing is asked of anybody", async () => {
    expect(await securityFrom(undefined, {})).toEqual({});
    expect(await securityFrom(undefined, { STREAMLAB_BROKER_SECURITY: '{"users":{"a":"b"}}' })).toEqual({
      users: [{ name: "a", password: "b" }],
    });
  });

  test.each([
    ["no json", /it is no JSON/],
    ['{"user":{}}', /"user" is unknown/],
    ['{"users":{"a":""}}', /the user "a" has no password/],
    ['{"permissions":["alice fly t"]}', /"alice fly t"/],
    ['{"mechanisms":["NTLM"]}', /"NTLM" is none of PLAIN/],
    ['{"tls":{"cert":"x"}}', /"tls.cert" is unknown/],
  ])("%s is refused with what to write, and without the passwords in it", async (text, message) => {
    await expect(securityFrom(undefined, { STREAMLAB_BROKER_SECURITY: text })).rejects.toThrow(message);
  });

  test("a right in one line: user, right, name", () => {
    expect(parseRight("bob read *").map(({ operation, resourceName, patternType }) => [operation, resourceName, patternType])).toEqual([
      ["READ", "*", "LITERAL"],
      ["DESCRIBE", "*", "LITERAL"],
    ]);
    expect(() => parseRight("bob read")).toThrow(/Write user, right and name/);
  });
});
