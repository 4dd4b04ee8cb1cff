import { expect, test } from "vitest";
import { createSession } from "./session.ts";
import { SESSION_ZONE } from "./session-zone.ts";

test.each(["UTC", "Etc/UTC", "Z", "GMT", "+00:00", "UTC+0"])("the session's zone may be %s", (zone) => {
  expect(createSession({ conf: { [SESSION_ZONE]: zone } }).getConf(SESSION_ZONE)).toBe(zone);
});

test.each(["Europe/Berlin", "+02:00", "Europe/London", "nowhere"])("a session in %s is refused, not run in UTC", (zone) => {
  expect(() => createSession({ conf: { [SESSION_ZONE]: zone } })).toThrow(zone);
  expect(() => createSession().setConf(SESSION_ZONE, zone)).toThrow("from_utc_timestamp");
});
