const OFFSET = /^(?:(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?)$/;
/** Java's ZoneId.SHORT_IDS. */
const SHORT: Readonly<Record<string, string>> = {
  ...{
    ACT: "Australia/Darwin",
    AET: "Australia/Sydney",
    AGT: "America/Argentina/Buenos_Aires",
    ART: "Africa/Cairo",
    AST: "America/Anchorage",
  },
  ...{
    BET: "America/Sao_Paulo",
    BST: "Asia/Dhaka",
    CAT: "Africa/Harare",
    CNT: "America/St_Johns",
    CST: "America/Chicago",
    CTT: "Asia/Shanghai",
  },
  ...{
    EAT: "Africa/Addis_Ababa",
    ECT: "Europe/Paris",
    EST: "America/Panama",
    HST: "Pacific/Honolulu",
    IET: "America/Indiana/Indianapolis",
  },
  ...{ IST: "Asia/Kolkata", JST: "Asia/Tokyo", MIT: "Pacific/Apia", MST: "America/Phoenix", NET: "Asia/Yerevan", NST: "Pacific/Auckland" },
  ...{
    PLT: "Asia/Karachi",
    PNT: "America/Phoenix",
    PRT: "America/Puerto_Rico",
    PST: "America/Los_Angeles",
    SST: "Pacific/Guadalcanal",
    VST: "Asia/Ho_Chi_Minh",
  },
};
const DAY_US = 86_400_000_000;
const formats = new Map<string, Intl.DateTimeFormat | null>();

/**
 * How far a zone is ahead of UTC, in microseconds, for a local time given as if it were UTC. The zone is an offset ("+02:00", "-0800", "UTC+3"), "Z",
 * or a name of the zone database ("Europe/Berlin"), or one of Java's short names ("PST"). Null for anything else. Of a wall clock's hour that comes twice the first is
 * meant; in the hour that does not come the clock is taken as not yet put forward (java.time's ofLocal).
 */
export function zoneOffsetUs(zone: string, localUs: number): number | null {
  if (zone === "Z" || zone === "UTC" || zone === "GMT" || zone === "UT" || zone === "z") return 0;
  const match = OFFSET.exec(zone);
  if (match !== null) {
    const seconds = Number(match[2]) * 3600 + Number(match[3] ?? 0) * 60 + Number(match[4] ?? 0);
    if (Number(match[3] ?? 0) > 59 || Number(match[4] ?? 0) > 59 || seconds > 18 * 3600) return null;
    return (match[1] === "-" ? -seconds : seconds) * 1_000_000;
  }
  const format = formatFor(SHORT[zone] ?? zone);
  if (format === null) return null;
  const before = offsetAt(format, localUs - DAY_US);
  if (offsetAt(format, localUs - before) === before) return before;
  const after = offsetAt(format, localUs + DAY_US);
  return offsetAt(format, localUs - after) === after ? after : before;
}

/** The same at an instant. */
export function zoneOffsetAtUs(zone: string, us: number): number | null {
  const format = formatFor(SHORT[zone] ?? zone);
  return format === null ? zoneOffsetUs(zone, us) : offsetAt(format, us);
}

function formatFor(zone: string): Intl.DateTimeFormat | null {
  let format = formats.get(zone);
  if (format === undefined) {
    format = null;
    if (/^[A-Za-z]+(?:\/[A-Za-z0-9_+-]+)+$/.test(zone)) {
      try {
        format = new Intl.DateTimeFormat("en-US", {
          timeZone: zone,
          hourCycle: "h23",
          era: "short",
          year: "numeric",
          month: "numeric",
          day: "numeric",
          hour: "numeric",
          minute: "numeric",
          second: "numeric",
        });
      } catch {
        format = null;
      }
    }
    if (formats.size > 1000) formats.clear();
    formats.set(zone, format);
  }
  return format;
}

/** The zone's distance from UTC at an instant. */
function offsetAt(format: Intl.DateTimeFormat, us: number): number {
  const ms = Math.floor(us / 1000);
  const part: Record<string, string> = {};
  for (const { type, value } of format.formatToParts(ms)) part[type] = value;
  const year = part.era === "BC" ? 1 - Number(part.year) : Number(part.year);
  const local = new Date(0);
  local.setUTCFullYear(year, Number(part.month) - 1, Number(part.day));
  local.setUTCHours(Number(part.hour), Number(part.minute), Number(part.second), 0);
  return (local.getTime() - Math.floor(ms / 1000) * 1000) * 1000;
}
