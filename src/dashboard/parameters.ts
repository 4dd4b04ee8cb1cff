import { z } from "zod";

/** A count from 1 to 500, written in digits only: what `Number` would read beyond them (" 5", "0x10", "1e2") is refused. */
const count = z
  .string()
  .regex(/^\d{1,3}$/, "must be a whole number from 1 to 500")
  .transform(Number)
  .pipe(z.number().min(1).max(500));

/** The parameters of /api/metrics. Values are enums and numbers; an unknown or repeated name is refused (S3). */
export const metricParameters: z.ZodType<{ limit: number; sensor_type?: string | undefined; location?: string | undefined }> =
  z.strictObject({
    limit: count.default(100),
    sensor_type: z.enum(["temperature", "humidity", "pressure", "vibration"]).optional(),
    location: z.enum(["factory-floor", "warehouse", "office", "outdoor"]).optional(),
  });

/** The parameters of /api/alerts. */
export const alertParameters: z.ZodType<{ limit: number; alert_type?: string | undefined }> = z.strictObject({
  limit: count.default(50),
  alert_type: z.enum(["CRITICAL", "WARNING", "INFO"]).optional(),
});

/** The parameters of routes that take none. */
export const noParameters: z.ZodType<Record<string, never>> = z.strictObject({});

/** Reads a query string by a schema; the complaints as text when it does not fit. */
export function readParameters<T>(schema: z.ZodType<T>, query: URLSearchParams): { readonly value: T } | { readonly complaint: string } {
  const given = new Map<string, string>();
  for (const [key, value] of query) {
    if (given.has(key)) return { complaint: "A parameter is given twice." };
    given.set(key, value);
  }
  const parsed = schema.safeParse(Object.fromEntries(given));
  return parsed.success ? { value: parsed.data } : { complaint: z.prettifyError(parsed.error) };
}
