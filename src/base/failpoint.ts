/**
 * A named place where a test, or the drill command, kills this process with SIGKILL. Armed from outside by the environment:
 * `LAB_FAIL=w1.before:2` dies when the point `w1.before` is reached for batch 2, `w3.mid:2:5` at the sixth step within it.
 * Several are separated by commas. Without the variable a point costs one comparison.
 */
const armed: ReadonlySet<string> | undefined = process.env.LAB_FAIL ? new Set(process.env.LAB_FAIL.split(",")) : undefined;

export function failpoint(name: string, batchId: number, step?: number): void {
  if (armed === undefined) return;
  if (armed.has(step === undefined ? `${name}:${batchId}` : `${name}:${batchId}:${step}`)) process.kill(process.pid, "SIGKILL");
}
