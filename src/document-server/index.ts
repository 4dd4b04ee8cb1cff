export { startDocumentServer, type DocumentServer, type DocumentServerOptions } from "./server.ts";
export { DocumentServerError } from "./failure.ts";
