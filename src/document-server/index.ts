export { startDocumentServer, type DocumentServer, type DocumentServerOptions } from "./server.ts";
export { DocumentServerError } from "./failure.ts";
export type { ConfiguredUser } from "./security/users.ts";
export type { ServerTls } from "./security/certificate.ts";
