import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDocumentServer, type DocumentServer } from "../../src/document-server/index.ts";
import { requireOracle } from "../oracle.ts";

const mongosh = requireOracle("mongosh", "the unmodified MongoDB shell against the document server");

/** Runs the shell with what is typed into it; gives what it printed. */
async function shell(program: string, home: string, args: readonly string[], typed: string): Promise<string> {
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, HOME: home, USERPROFILE: home, NO_COLOR: "1" },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
  try {
    let printed = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (printed += text));
    child.stdin.end(typed);
    await ended;
    return printed;
  } finally {
    clearTimeout(timer);
  }
}

describe.skipIf(!mongosh)("mongosh", () => {
  const program = mongosh as string;
  let home: string;
  let server: DocumentServer;

  beforeAll(async () => {
    home = await mkdtemp(path.join(os.tmpdir(), "mongosh-"));
    server = await startDocumentServer({ storage: "memory", port: 0, auth: true });
  });
  afterAll(async () => {
    await server.close();
    await rm(home, { recursive: true, force: true });
  });

  test("makes the first user from this machine, then logs in; everything else is refused before", { timeout: 90_000 }, async () => {
    const first = await shell(
      program,
      home,
      [server.uri, "--quiet"],
      [
        'db.getSiblingDB("lab").c.insertOne({})',
        'db.getSiblingDB("admin").createUser({user: "boss", pwd: "secret", roles: ["root"]})',
        'db.getSiblingDB("admin").createUser({user: "second", pwd: "secret", roles: ["root"]})',
        "exit\n",
      ].join("\n"),
    );
    expect(first).toMatch(/MongoServerError\[Unauthorized\]: Command insert requires authentication/);
    expect(first).toMatch(/\{ ok: 1 \}/);
    expect(first).toMatch(/MongoServerError\[Unauthorized\]: Command createUser requires authentication/);
    const wrong = await shell(program, home, [server.uri.replace("//", "//boss:wrong@"), "--quiet", "--eval", "1"], "");
    expect(wrong).toMatch(/MongoServerError: Authentication failed\./);
  });

  test("shows, writes, reads by batches, explains and administers without a complaint", { timeout: 90_000 }, async () => {
    const typed = [
      "use lab",
      'db.c.insertMany(Array.from({length: 45}, (_, i) => ({_id: i, a: i % 5}))).acknowledged ? "written" : "lost"',
      "show collections",
      "show dbs",
      "db.c.find()",
      "it",
      "it",
      "it",
      "db.c.createIndex({a: 1})",
      'db.c.find({a: 1}).explain("executionStats").executionStats.totalDocsExamined',
      "db.c.find({a: 1}).explain().queryPlanner.winningPlan.inputStage.indexName",
      "EJSON.stringify(db.c.aggregate([{$group: {_id: null, n: {$sum: '$a'}}}]).toArray())",
      "EJSON.stringify(db.c.getIndexes().map(i => i.name))",
      "EJSON.stringify({objects: db.stats().objects, count: db.c.stats().count, version: db.version()})",
      "db.serverStatus().connections.current > 0 ? 'connected' : 'no'",
      'db.createUser({user: "reader", pwd: "p", roles: ["read"]})',
      "db.getUsers().users.length",
      "db.runCommand({connectionStatus: 1}).authInfo.authenticatedUsers[0].user",
      "db.c.validate().valid",
      'db.createCollection("cap", {capped: true, size: 10000, max: 2})',
      "db.cap.insertMany([{_id: 1}, {_id: 2}, {_id: 3}]).acknowledged",
      "EJSON.stringify(db.cap.find().toArray())",
      "help",
      "db.c.drop()",
      "db.dropDatabase()",
      "exit\n",
    ].join("\n");
    const uri = server.uri.replace("//", "//boss:secret@").replace("/?", "/?authSource=admin&");
    const printed = await shell(program, home, [uri], typed);
    const answers = printed.split(/^(?:test|lab)> /m).map((answer) => answer.trim());
    expect(answers[0]).toContain("Using MongoDB:");
    expect(answers[0]).not.toMatch(/warning|error|------/i);
    expect(printed).not.toMatch(/Mongo(?:Server|Network|)Error|TypeError|Uncaught/);
    const says = (text: string | RegExp): void =>
      expect(
        answers.some((answer) => (typeof text === "string" ? answer === text : text.test(answer))),
        `${String(text)} in\n${printed}`,
      ).toBe(true);
    says("switched to db lab");
    says("written");
    says("c");
    says(/^lab +\d+\.\d+ KiB$/m);
    expect(answers.filter((answer) => answer.endsWith('Type "it" for more'))).toHaveLength(2);
    says(/_id: 44, a: 4 \}\s*\]$/);
    says("no cursor");
    says("a_1");
    says("9");
    says('[{"_id":null,"n":90}]');
    says('["_id_","a_1"]');
    says(/^\{"objects":45,"count":45,"version":"\d+\.\d+\.\d+"\}$/);
    says("connected");
    says("boss");
    says('[{"_id":2},{"_id":3}]');
    says(/Shell Help/);
    says("{ ok: 1, dropped: 'lab' }");
  });
});
