import path from "node:path";

/** The project's folder: where package.json, notebooks/, report/ and .streamlab/ lie. */
export const projectRoot: string = path.resolve(import.meta.dirname, "../..");
