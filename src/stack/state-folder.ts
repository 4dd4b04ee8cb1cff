import path from "node:path";

/** The folder of everything that runs leave behind, below the project's root. */
export function stateFolder(root: string): string {
  return path.join(root, ".streamlab");
}

/** The folder of what is fetched once and can be fetched again: Kafka's jars. */
export function cacheFolder(root: string): string {
  return path.join(stateFolder(root), "cache");
}
