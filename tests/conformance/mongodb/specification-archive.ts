import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { projectRoot } from "../../../src/base/project.ts";
import { cacheFolder } from "../../../src/stack/state-folder.ts";

/** The release whose source distribution carries MongoDB's specification tests; they are read from it and never kept with the project. */
const PACKAGE = { name: "pymongo", version: "4.15.3", sha256: "7a981271347623b5319932796690c2d301668ac3a1965974ac9f5c3b8a22cea5" } as const;

const FILE_NAME = `${PACKAGE.name}-${PACKAGE.version}.tar.gz`;

/** The distribution's path in the cache; undefined when it is not there and pip cannot have it from its index. Throws for one with another checksum. */
export function fetchSpecificationArchive(python: string, cache: string = cacheFolder(projectRoot)): string | undefined {
  const kept = path.join(cache, FILE_NAME);
  if (!existsSync(kept)) {
    mkdirSync(cache, { recursive: true });
    const folder = mkdtempSync(path.join(cache, "specifications-"));
    try {
      const wanted = ["--no-deps", "--no-binary", PACKAGE.name, "--dest", folder, `${PACKAGE.name}==${PACKAGE.version}`];
      const done = spawnSync(python, ["-m", "pip", "download", "-q", "--disable-pip-version-check", ...wanted], { timeout: 120_000 });
      const fresh = path.join(folder, FILE_NAME);
      if (done.status !== 0 || !existsSync(fresh)) return undefined;
      const temporary = path.join(folder, "copy");
      copyFileSync(fresh, temporary);
      renameSync(temporary, kept);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const found = createHash("sha256").update(readFileSync(kept)).digest("hex");
  if (found !== PACKAGE.sha256) throw new Error(`${FILE_NAME} has the SHA-256 ${found}, not ${PACKAGE.sha256}`);
  return kept;
}

const BLOCK = 512;

/** The JSON files below the distribution's `test` folder: path (`crud/unified/find.json`) → text. Reads the tar format (POSIX ustar: 512-byte headers). */
export function readSpecificationFiles(archive: string): ReadonlyMap<string, string> {
  const tar = gunzipSync(readFileSync(archive));
  const prefix = `${PACKAGE.name}-${PACKAGE.version}/test/`;
  const files = new Map<string, string>();
  let longName: string | undefined;
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0;) {
    const text = (from: number, length: number): string => tar.toString("utf8", at + from, at + from + length).replace(/\0.*$/s, "");
    const size = Number.parseInt(text(124, 12).trim() || "0", 8);
    const kind = text(156, 1);
    const content = at + BLOCK;
    const name = longName ?? (text(345, 155) === "" ? text(0, 100) : `${text(345, 155)}/${text(0, 100)}`);
    longName = undefined;
    if (kind === "x") longName = /\d+ path=(.*)\n/.exec(tar.toString("utf8", content, content + size))?.[1];
    else if ((kind === "0" || kind === "") && name.startsWith(prefix) && name.endsWith(".json"))
      files.set(name.slice(prefix.length), tar.toString("utf8", content, content + size));
    at = content + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}
