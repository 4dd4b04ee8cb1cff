import type { TLSSocket } from "node:tls";

/** Of a name in a certificate, the characters that RFC 2253 wants a backslash before. */
const escaped = (text: string): string => text.replace(/[,+"\\<>;]/g, "\\$&").replace(/^[ #]|(?<=.) $/g, "\\$&");

/** The principal of a client that showed a certificate, as Kafka's default rule makes it: "User:CN=alice,O=lab". undefined without one. */
export function certificateName(socket: TLSSocket): string | undefined {
  if (!socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate() as { readonly subject?: Readonly<Record<string, string | readonly string[]>> };
  if (!subject) return undefined;
  const parts = Object.entries(subject).flatMap(([name, value]) => [value].flat().map((one) => `${name}=${escaped(one)}`));
  return `User:${parts.reverse().join(",")}`;
}
