import { describe, expect, test } from "vitest";
import { CONTENT_SECURITY_POLICY, allowedHosts, isLoopback, refusal } from "./security.ts";

const hosts = allowedHosts(8050);
const page = { host: "127.0.0.1:8050", origin: undefined, fetchSite: undefined, isData: true };

describe("S4: who may read the dashboard", () => {
  test.each(["127.0.0.1:8050", "localhost:8050", "LOCALHOST:8050", "[::1]:8050"])("the host %s is served", (host) => {
    expect(refusal({ ...page, host }, hosts)).toBeUndefined();
  });
  test.each(["evil.example:8050", "127.0.0.1", "127.0.0.1:80", "localhost.evil.example:8050", "127.0.0.1.nip.io:8050", "", undefined])(
    "the host %s is refused (DNS rebinding)",
    (host) => {
      expect(refusal({ ...page, host }, hosts)).toMatch(/host/);
    },
  );
  test.each(["http://evil.example", "null", "https://127.0.0.1:8050", "http://127.0.0.1:8051", "http://localhost:8050"])(
    "the origin %s is refused on 127.0.0.1:8050",
    (origin) => {
      expect(refusal({ ...page, origin }, hosts)).toMatch(/origin/i);
    },
  );
  test("the page's own origin is served", () => {
    expect(refusal({ ...page, origin: "http://127.0.0.1:8050" }, hosts)).toBeUndefined();
  });
  test("another site cannot load data as a script or an image, which carry no Origin", () => {
    expect(refusal({ ...page, fetchSite: "cross-site" }, hosts)).toMatch(/site/);
    expect(refusal({ ...page, fetchSite: "same-site" }, hosts)).toMatch(/site/);
    expect(refusal({ ...page, fetchSite: "same-origin" }, hosts)).toBeUndefined();
  });
  test("a link from another site may open the page itself", () => {
    expect(refusal({ ...page, fetchSite: "cross-site", isData: false }, hosts)).toBeUndefined();
  });
  test("only loopback hosts are served on", () => {
    expect(["127.0.0.1", "::1", "localhost"].every(isLoopback)).toBe(true);
    expect(["0.0.0.0", "::", "192.168.1.2"].some(isLoopback)).toBe(false);
  });
  test("the policy allows nothing inline, no eval and no other origin", () => {
    expect(CONTENT_SECURITY_POLICY).toContain("default-src 'none'");
    expect(CONTENT_SECURITY_POLICY).toContain("frame-ancestors 'none'");
    expect(CONTENT_SECURITY_POLICY).not.toMatch(/unsafe|\*|http|data:|blob:/);
  });
});
