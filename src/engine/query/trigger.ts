import { parseDurationMs } from "../../base/duration.ts";
import { StreamlabError } from "../../base/errors.ts";

/** When batches run: `{ processingTime: "10 seconds" }` ("0 seconds" is as soon as possible, the default), `{ availableNow: true }`, `{ once: true }`. */
export type TriggerOptions = {
  readonly processingTime?: string;
  readonly availableNow?: boolean;
  readonly once?: boolean;
  readonly continuous?: string;
  readonly realTime?: string;
};

export type Trigger = { readonly kind: "interval"; readonly ms: number } | { readonly kind: "availableNow" } | { readonly kind: "once" };

/** Reads what a user wrote; exactly one kind. */
export function triggerOf(options: TriggerOptions): Trigger {
  const named = Object.entries(options).filter(([, value]) => value !== undefined && value !== false);
  const [first] = named;
  if (named.length !== 1 || !first) throw wrong(JSON.stringify(options), "Give exactly one of processingTime, availableNow, once.");
  if (options.availableNow) return { kind: "availableNow" };
  if (options.once) return { kind: "once" };
  if (options.processingTime !== undefined) {
    const ms = parseDurationMs(options.processingTime);
    if (ms < 0) throw wrong(options.processingTime, "Give zero or a positive duration.");
    return { kind: "interval", ms };
  }
  throw wrong(
    first[0],
    'Give one of { processingTime: "10 seconds" }, { availableNow: true }, { once: true }. Continuous and real-time processing are not there; processingTime "0 seconds" starts the next batch as soon as the one before is done.',
  );
}

function wrong(found: string, remedy: string): StreamlabError {
  return new StreamlabError("INVALID_TRIGGER", { failed: "Cannot set the trigger", found, remedy });
}
