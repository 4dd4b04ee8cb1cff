/** Who logs in to both brokers. */
export const CONFORMANCE_USER = { name: "conformance", password: "conformance-secret" } as const;
