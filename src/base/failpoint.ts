/**
 * A named place where a test, or the drill command, kills this process with SIGKILL. Armed from outside by the environment:
 * `LAB_FAIL=w1.before:2` dies when the point `w1.before` is reached for batch 2, `w3.mid:2:5` at the fifth step within it;
 * `metrics/w1.before:2` dies only where the query of that name reaches it. Several are separated by commas. Without the variable a point costs
 * one comparison.
 */
const armed: ReadonlySet<string> | undefined = process.env.LAB_FAIL ? new Set(process.env.LAB_FAIL.split(",")) : undefined;

/** Dies here when it is armed. `query` is the name of the query that has come here, where it has one. */
export function failpoint(name: string, batchId: number, query?: string | null, step?: number): void {
  if (armed === undefined) return;
  const point = step === undefined ? `${name}:${batchId}` : `${name}:${batchId}:${step}`;
  if (armed.has(point) || armed.has(`${query}/${point}`)) process.kill(process.pid, "SIGKILL");
}
