/** SaslHandshake, API key 17. */
export const saslHandshakeApi = {
  key: 17,
  name: "SaslHandshake",
  versions: [0, 1],
  flexible: null,
  request: {
    mechanism: "string",
  },
  response: {
    errorCode: "int16",
    mechanisms: "string[]",
  },
} as const;
