import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

const FOLDER = path.join(import.meta.dirname, "snapshots");

/**
 * For tests: compares a drawing with `snapshots/<name>.svg` and gives what is wrong, or undefined. A drawing that differs is left beside it as
 * `<name>-changed.svg`: look at both, and if the new one is right, rename it.
 */
export function snapshotProblem(name: string, svg: string): string | undefined {
  const file = path.join(FOLDER, `${name}.svg`);
  const changed = path.join(FOLDER, `${name}-changed.svg`);
  let expected: string | undefined;
  try {
    expected = readFileSync(file, "utf8");
  } catch {
    mkdirSync(FOLDER, { recursive: true });
  }
  if (expected === svg) {
    rmSync(changed, { force: true });
    return undefined;
  }
  writeFileSync(changed, svg);
  return `${name}.svg ${expected === undefined ? "does not exist" : "differs"}; see ${path.relative(process.cwd(), changed)}`;
}
