import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { requireOracle } from "../../../tests/oracle.ts";
import { createRandom } from "../../base/random.ts";
import { createSession } from "../api/session.ts";
import type { DataFrame } from "../api/data-frame.ts";
import { col } from "../columns/column.ts";
import { avg, count, max, min, sum } from "../functions/api/aggregates.ts";
import { window } from "../functions/api/windows.ts";
import { double, int, string, struct, timestamp } from "../types/schema-builder.ts";
import type { Row } from "../types/data-type.ts";

const QUERIES = 60;
const SEED = Number(process.env.STREAMLAB_SEED ?? 20260131);

/** Reads `[{rows, sql}, …]` and answers the rows of each query, in one process. */
const ORACLE = `
import duckdb, json, sys
answers = []
for case in json.load(sys.stdin):
    db = duckdb.connect()
    db.execute("CREATE TABLE t (us BIGINT, k VARCHAR, n INTEGER, v DOUBLE)")
    if case["rows"]:
        db.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", case["rows"])
    answers.append([list(row) for row in db.execute(case["sql"]).fetchall()])
json.dump(answers, sys.stdout)
`;

type Cells = readonly (string | number | null)[];

/** A query in both forms: over the stream, and as SQL over all of its rows. `keys` columns are the key of an updated row, 0 when rows are only added. */
interface RandomQuery {
  readonly text: string;
  readonly sql: string;
  readonly keys: number;
  readonly mode: "append" | "update" | "complete";
  build(frame: DataFrame): DataFrame;
}

const random = createRandom(SEED);
const { below } = random;
const oneOf = <T>(list: readonly T[]): T => random.pick(list);
const someOf = <T>(list: readonly T[]): T[] => list.filter(() => random.next() < 0.5);

const NUMBERS = ["n", "n + 3", "n * 2", "abs(n)", "n % 4", "coalesce(n, 0)", "CASE WHEN n > 2 THEN n ELSE -n END", "length(k)"] as const;
const DOUBLES = ["v", "v / 2", "v * 2", "v + n", "coalesce(v, 0)", "CASE WHEN v IS NULL THEN 1 ELSE v END"] as const;
const TEXTS = ["k", "upper(k)", "k || 'x'", "coalesce(k, '?')", "substring(k, 1, 1)"] as const;

function condition(depth: number): string {
  if (depth > 0 && random.next() < 0.5) return `(${condition(depth - 1)} ${oneOf(["AND", "OR"])} ${condition(depth - 1)})`;
  const compared = oneOf(["<", "<=", ">", ">=", "=", "<>"]);
  return oneOf([
    `${oneOf(NUMBERS)} ${compared} ${below(13) - 4}`,
    `${oneOf(DOUBLES)} ${compared} ${below(9) - 3}`,
    `${oneOf(TEXTS)} ${compared} '${oneOf(["a", "b", "B", "ax", "?"])}'`,
    `${oneOf(["k", "n", "v"])} IS ${oneOf(["", "NOT "])}NULL`,
    `n IN (${below(4)}, ${below(9) + 3})`,
    `NOT (${oneOf(NUMBERS)} > ${below(8)})`,
    `k LIKE '${oneOf(["a%", "%b", "_"])}'`,
  ]);
}

const AGGREGATES = {
  c: { make: () => count(), sql: "count(*)" },
  cn: { make: () => count(col("n")), sql: "count(n)" },
  sn: { make: () => sum(col("n")), sql: "CAST(sum(n) AS BIGINT)" },
  sv: { make: () => sum(col("v")), sql: "sum(v)" },
  lo: { make: () => min(col("v")), sql: "min(v)" },
  hi: { make: () => max(col("k")), sql: "max(k)" },
  av: { make: () => avg(col("n")), sql: "avg(n)" },
} as const;

function randomQuery(): RandomQuery {
  const where = condition(2);
  const columns = [`${oneOf(TEXTS)} AS k`, `${oneOf(NUMBERS)} AS n`, `${oneOf(DOUBLES)} AS v`];
  const projected = (time: string): string => `SELECT ${time}, ${columns.join(", ")} FROM t WHERE ${where}`;
  const base = (frame: DataFrame): DataFrame => frame.where(where).selectExpr("ts", ...columns);
  const shape = oneOf(["rows", "distinct", "aggregate", "aggregate", "windows", "windows", "windows"]);
  if (shape === "rows") {
    const sql = `SELECT k, n, v FROM (${projected("us")})`;
    return { text: sql, sql, keys: 0, mode: "append", build: (frame) => base(frame).select("k", "n", "v") };
  }
  if (shape === "distinct") {
    const sql = `SELECT DISTINCT k, n FROM (${projected("us")})`;
    return { text: sql, sql, keys: 0, mode: "append", build: (frame) => base(frame).select("k", "n").dropDuplicates() };
  }
  const names = ["c", ...someOf(["cn", "sn", "sv", "lo", "hi", "av"] as const)] as (keyof typeof AGGREGATES)[];
  const keys = shape === "windows" ? someOf(["k"]) : ["k", ...someOf(["n"])];
  const aggregates = names.filter((name) => !(keys.includes("n") && ["cn", "sn", "av"].includes(name)));
  const made = aggregates.map((name) => AGGREGATES[name].make().as(name));
  const having = random.next() < 0.4 ? `c ${oneOf([">", "<=", "="])} ${below(3) + 1}` : undefined;
  const mode =
    having !== undefined && random.next() < 0.5 ? "complete" : having === undefined ? oneOf(["update", "complete"] as const) : "complete";
  const [slide, times] = [oneOf([2, 3, 5, 10]), below(3) + 1];
  const size = slide * times - (times > 1 ? below(2) : 0);
  const sqlKeys = shape === "windows" ? ["s", "s + " + size * 1e6 + " AS e", ...keys] : keys;
  const windowed = `SELECT *, us - us % ${slide * 1e6} - i * ${slide * 1e6} AS s FROM (${projected("us")}) CROSS JOIN range(0, ${times}) r(i)`;
  const source = shape === "windows" ? `SELECT * FROM (${windowed}) WHERE us IS NOT NULL AND s > us - ${size * 1e6}` : projected("us");
  const selected = [...sqlKeys, ...aggregates.map((name) => `${AGGREGATES[name].sql} AS ${name}`)];
  const grouped = shape === "windows" ? ["s", ...keys] : keys;
  const sql = `SELECT ${selected.join(", ")} FROM (${source}) GROUP BY ${grouped.join(", ")}${having === undefined ? "" : ` HAVING count(*) ${having.slice(2)}`}`;
  const build = (frame: DataFrame): DataFrame => {
    const by = shape === "windows" ? [window(col("ts"), `${size} seconds`, `${slide} seconds`).as("w"), ...keys] : keys;
    const result = base(frame)
      .groupBy(...by)
      .agg(...made) as DataFrame;
    return having === undefined ? result : result.where(having);
  };
  return { text: `${mode}: ${sql}`, sql, keys: shape === "windows" ? 1 + keys.length : keys.length, mode, build };
}

function randomRow(): Cells {
  const orNull = <T>(value: T): T | null => (random.next() < 0.1 ? null : value);
  return [
    orNull(1_767_225_600_000_000 + below(30_000) * 1000),
    orNull(oneOf(["a", "b", "ab", "ü"])),
    orNull(below(13) - 3),
    orNull((below(17) - 6) / 2),
  ];
}

const readings = struct({ ts: timestamp(), k: string(), n: int(), v: double() });

/** The result of the query over a stream that gets the rows in pieces. */
async function streamed(query: RandomQuery, rows: readonly Cells[]): Promise<Cells[]> {
  const session = createSession();
  const stream = session.memoryStream(readings);
  let out = new Map<string, Row>();
  let added = 0;
  const running = await query
    .build(stream.toDF() as DataFrame)
    .writeStream.outputMode(query.mode)
    .sink({
      description: "rows",
      write: (batch) => {
        if (query.mode === "complete") out = new Map();
        for (const row of batch.rows) out.set(query.mode === "update" ? JSON.stringify(row.slice(0, query.keys)) : String(added++), row);
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    })
    .start();
  for (let from = 0; from < rows.length;) {
    const to = Math.min(rows.length, from + below(8));
    stream.addRows(rows.slice(from, to).map((row): Row => [...row]));
    await running.processAllAvailable();
    from = to;
  }
  await running.stop();
  return [...out.values()].map((row) => row.flat() as Cells);
}

const normal = (rows: readonly Cells[]): string[] =>
  rows.map((row) => JSON.stringify(row.map((cell) => (Object.is(cell, -0) ? 0 : cell)))).sort();

const python = requireOracle("duckdb", "random queries against DuckDB");

if (python !== undefined)
  test(
    `${QUERIES} random queries over random cuts of a stream give what DuckDB gives over all rows (seed ${SEED})`,
    { timeout: 120_000 },
    async () => {
      const cases = Array.from({ length: QUERIES }, () => ({ query: randomQuery(), rows: Array.from({ length: below(40) }, randomRow) }));
      const asked = JSON.stringify(cases.map(({ query, rows }) => ({ sql: query.sql, rows })));
      const answer = spawnSync(python, ["-c", ORACLE], { input: asked, encoding: "utf8", maxBuffer: 1 << 26 });
      expect(answer.status, answer.stderr).toBe(0);
      const expected = JSON.parse(answer.stdout) as Cells[][];
      for (const [i, { query, rows }] of cases.entries())
        expect(normal(await streamed(query, rows)), `query ${i} of seed ${SEED}: ${query.text}`).toEqual(normal(expected[i] ?? []));
      expect(expected.filter((one) => one.length > 0).length).toBeGreaterThan(QUERIES / 2);
    },
  );
