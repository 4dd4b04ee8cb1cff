import { KafkaError } from "../kafka-error.ts";

/**
 * The time that `--to-datetime` means: "2026-11-21T12:30:00.000", optionally with a zone ("Z", "+02", "+02:00"); UTC without one, as in Kafka.
 * Milliseconds since the epoch. @throws KafkaError KAFKA_OPTION
 */
export function parseResetTime(text: string): number {
  const found = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?)(Z|[+-]\d{2}(?::?\d{2})?)?$/.exec(text);
  const zone = found?.[2] ?? "Z";
  const timestampMs = found
    ? Date.parse(`${found[1]}${/^[+-]\d{2}$/.test(zone) ? `${zone}:00` : zone.replace(/(\d{2})(\d{2})$/, "$1:$2")}`)
    : Number.NaN;
  if (Number.isFinite(timestampMs)) return timestampMs;
  throw badTime(text, 'Write it as "2026-11-21T12:30:00.000", with a zone behind it ("+02:00") if it is not UTC.');
}

const DAY_MS = 86_400_000;

/** The length that `--by-duration` means, in ISO 8601 as Java reads it: "PT1H30M", "P2DT3H", "PT0.5S". Milliseconds. @throws KafkaError KAFKA_OPTION */
export function parseIsoDuration(text: string): number {
  const found = /^([+-]?)P(?:([+-]?\d+)D)?(?:T(?:([+-]?\d+)H)?(?:([+-]?\d+)M)?(?:([+-]?\d+(?:[.,]\d{1,9})?)S)?)?$/i.exec(text);
  const parts = found?.slice(2).map((part) => (part === undefined ? 0 : Number(part.replace(",", "."))));
  if (!found || !parts || /(?:P|T)$/i.test(text)) throw badTime(text, 'Write it in ISO 8601, as in "PT10M", "PT1H30M" or "P2D".');
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = parts;
  return (found[1] === "-" ? -1 : 1) * Math.round(days * DAY_MS + hours * 3_600_000 + minutes * 60_000 + seconds * 1000);
}

function badTime(text: string, remedy: string): KafkaError {
  return new KafkaError("KAFKA_OPTION", { failed: "Cannot tell which time is meant", found: `"${text}"`, remedy });
}
