import type { TLSSocket } from "node:tls";

/** Of a name in a certificate, the characters that RFC 2253 wants a backslash before. */
const escaped = (text: string): string => text.replace(/[,+"\\<>;]/g, "\\$&").replace(/^[ #]|(?<=.) $/g, "\\$&");

/**
 * The principal of a client that showed a certificate, as Kafka's default rule makes it: "User:CN=alice,O=lab". undefined without one. Throws where
 * the certificate is from an authority that the broker does not trust.
 */
export function certificateName(socket: TLSSocket): string | undefined {
  const { subject } = socket.getPeerCertificate() as { readonly subject?: Readonly<Record<string, string | readonly string[]>> };
  if (!subject) return undefined;
  if (!socket.authorized) throw socket.authorizationError ?? new Error("a certificate that is not trusted");
  const parts = Object.entries(subject).flatMap(([name, value]) => [value].flat().map((one) => `${name}=${escaped(one)}`));
  return `User:${parts.reverse().join(",")}`;
}
