import { AnalysisError } from "../columns/analysis-error.ts";

/** Spark's name for the zone of a session. */
export const SESSION_ZONE = "spark.sql.session.timeZone";
const UTC = /^(?:(?:Etc\/)?(?:UTC|UCT|GMT|Zulu)|Z|UT|(?:UTC|GMT|UT)?[+-]0?0(?::?00)?)$/;

/** The zone of a session is UTC: another one is refused rather than left unread. @throws AnalysisError UNSUPPORTED_FEATURE */
export function checkSessionZone(zone: string | undefined): void {
  if (zone === undefined || UTC.test(zone)) return;
  throw new AnalysisError("UNSUPPORTED_FEATURE", {
    failed: `The session time zone ${zone} is not supported`,
    found: `${SESSION_ZONE} is ${zone}`,
    remedy: "Leave it UTC, and use from_utc_timestamp(time, zone) where a zone's wall clock is wanted.",
  });
}
