/**
 * The least policy under which the page works, measured in Chromium: scripts and styles from files of this origin only, no inline ones,
 * no eval. Plotly wants to insert two style elements; page/index.html holds placeholders with their ids, upon which it leaves that alone,
 * and page/plotly.css has the rules that are needed. Styles that scripts set through the CSSOM are not subject to the policy.
 */
export const CONTENT_SECURITY_POLICY: string = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The headers of every answer (S4). No CORS header is among them: other origins read nothing. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

const LOOPBACK = new Set(["127.0.0.1", "::1", "localhost"]);

/** Whether a server on this host is reached from this machine only. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.has(host);
}

/** The values of the Host header that a browser on this machine sends. Any other name that resolves here is DNS rebinding. */
export function allowedHosts(port: number): ReadonlySet<string> {
  const names = ["127.0.0.1", "localhost", "[::1]"];
  return new Set([...names.map((name) => `${name}:${port}`), ...(port === 80 ? names : [])]);
}

/** Why a request is refused, or undefined. Data is for pages of this origin, and for programs, which send neither header. */
export function refusal(
  request: { host: string | undefined; origin: string | undefined; fetchSite: string | undefined; isData: boolean },
  hosts: ReadonlySet<string>,
): string | undefined {
  if (request.host === undefined || !hosts.has(request.host.toLowerCase())) return "This host name is not served here.";
  if (request.origin !== undefined && request.origin !== `http://${request.host.toLowerCase()}`) return "Other origins may not read this.";
  const site = request.fetchSite;
  if (request.isData && site !== undefined && site !== "same-origin" && site !== "none") return "Other sites may not read this.";
  return undefined;
}
