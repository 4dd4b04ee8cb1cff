import { realpathSync } from "node:fs";

/** Whether a module is what was run, by Node itself or through the launcher; `import.meta.main` does not know of the launcher. Takes `import.meta.filename`. */
export function isCommand(file: string): boolean {
  const [, run] = process.argv;
  try {
    return run !== undefined && realpathSync(run) === realpathSync(file);
  } catch {
    return false;
  }
}
