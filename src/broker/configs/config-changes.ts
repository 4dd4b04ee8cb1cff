import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { listElements, type ConfigType } from "./config-key.ts";

/** One change of IncrementalAlterConfigs, or of AlterConfigs, which only sets. */
export interface ConfigChange {
  readonly name: string;
  readonly value: string | null;
  readonly operation: number;
}

/** IncrementalAlterConfigs numbers its operations so (KIP-339). */
export const configOperation = { SET: 0, DELETE: 1, APPEND: 2, SUBTRACT: 3 } as const;

/** Why a request is refused. */
export interface ConfigRefusal {
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

const refusal = (errorCode: number, errorMessage: string | null): ConfigRefusal => ({ errorCode, errorMessage });

/**
 * The configs that come of `before` and the changes, as Kafka's controller makes them, or why they are refused. `typeOf` and `valueOf` tell of the
 * configs that there are; a list is appended to what holds now, though it was never set.
 */
export function changedConfigs(
  before: ReadonlyMap<string, string>,
  changes: readonly ConfigChange[],
  typeOf: (name: string) => ConfigType | undefined,
  valueOf: (name: string) => string,
): Map<string, string> | ConfigRefusal {
  const after = new Map(before);
  if (new Set(changes.map(({ name }) => name)).size < changes.length) {
    return refusal(errorCodes.INVALID_REQUEST, "Error due to duplicate config keys");
  }
  const empty = changes.find(({ value, operation }) => value === null && operation !== configOperation.DELETE);
  if (empty) return refusal(errorCodes.INVALID_REQUEST, `Null value not supported for : ${empty.name}`);
  for (const { name, value, operation } of changes) {
    if (operation === configOperation.SET) after.set(name, value ?? "");
    else if (operation === configOperation.DELETE) after.delete(name);
    else if (operation === configOperation.APPEND || operation === configOperation.SUBTRACT) {
      const isAppend = operation === configOperation.APPEND;
      if (typeOf(name) !== "list") {
        return refusal(errorCodes.INVALID_CONFIG, `Can't ${isAppend ? "APPEND" : "SUBTRACT"} to key ${name} because its type is not LIST.`);
      }
      const held = listElements(after.get(name) ?? valueOf(name));
      const given = listElements(value ?? "");
      const list = isAppend ? [...new Set([...held, ...given])] : held.filter((one) => !given.includes(one));
      after.set(name, list.join(","));
    } else return refusal(errorCodes.UNKNOWN_SERVER_ERROR, null);
  }
  return after;
}
