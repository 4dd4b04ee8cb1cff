import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { projectRoot } from "../src/base/project.ts";
import { cacheFolder } from "../src/stack/state-folder.ts";

/** The MongoDB shell that the document server is tried with. */
export const MONGOSH_VERSION = "2.12.0";

const INSTALL_MS = 180_000;

/**
 * The shell's program, to be run with Node: from the cache, or from the package registry, which takes half a minute once. No script of a package
 * runs. Undefined where the registry cannot be reached.
 */
export function findMongosh(): string | undefined {
  const cache = cacheFolder(projectRoot);
  const folder = path.join(cache, `mongosh-${MONGOSH_VERSION}`);
  const program = path.join("node_modules", "mongosh", "bin", "mongosh.js");
  if (existsSync(path.join(folder, program))) return path.join(folder, program);
  mkdirSync(cache, { recursive: true });
  const unfinished = mkdtempSync(`${folder}.tmp-`);
  try {
    const args = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", unfinished, `mongosh@${MONGOSH_VERSION}`];
    spawnSync("npm", args, { cwd: unfinished, timeout: INSTALL_MS, stdio: "ignore", shell: process.platform === "win32" });
    if (!existsSync(path.join(unfinished, program))) return undefined;
    try {
      renameSync(unfinished, folder);
    } catch (thrown) {
      if (!existsSync(path.join(folder, program))) throw thrown;
    }
    return path.join(folder, program);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}
