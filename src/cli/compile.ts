import { flushCompileCache } from "node:module";

/**
 * Loads every module of the lab's processes, so that their code stands in the compile cache; nothing starts (STREAMLAB_COMPILE_ONLY).
 * Run by the launcher before the first start.
 */
await Promise.all([
  import("./main.ts"),
  import("./lab.ts"),
  import("../broker/main.ts"),
  import("../document-server/main.ts"),
  import("../document-server/server.ts"),
  import("../dashboard/main.ts"),
  import("../labs/iot/engine-process.ts"),
  import("../labs/iot/generator-process.ts"),
]);
flushCompileCache();
