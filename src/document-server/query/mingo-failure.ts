import { messageOf } from "../../base/errors.ts";
import { CommandFailure, type CodeName } from "../failure.ts";

const KNOWN: readonly (readonly [RegExp, CodeName, (found: RegExpExecArray) => string])[] = [
  [/unknown (?:query )?operator:? (\$\w+)/i, "BadValue", (found) => `unknown operator: ${found[1]}`],
  [
    /unknown top level operator: (\$\w+)/i,
    "BadValue",
    (found) => `unknown top level operator: ${found[1]}. If you are trying to negate an entire expression, use $nor.`,
  ],
  [/unregistered pipeline operator '?(\$\w+)'?/i, "Location40324", (found) => `Unrecognized pipeline stage name: '${found[1]}'`],
  [
    /Unknown update operator: '(\S+)'/i,
    "FailedToParse",
    (found) => `Unknown modifier: ${found[1]}. Expected a valid update modifier or pipeline-style update specified as an array`,
  ],
  [/would modify the immutable field '(\S+)'/i, "ImmutableField", (found) => found.input],
  [/accumulator '(\$\w+)' is not registered/, "InvalidPipelineOperator", (found) => `Unrecognized expression '${found[1]}'`],
  [/Use of undefined variable: (\S+)/, "Location17276", (found) => `Use of undefined variable: ${found[1]}`],
  [/cannot (?:convert|parse) .*/i, "ConversionFailure", (found) => `${found[0]} in $convert with no onError value`],
  [/would create a conflict/i, "ConflictingUpdateOperators", (found) => found.input],
  [/Cannot increment with non-numeric/i, "TypeMismatch", (found) => found.input],
];

/** Runs something of mingo's and gives its failures MongoDB's codes. */
export function asCommandFailure<T>(run: () => T): T {
  try {
    return run();
  } catch (thrown) {
    if (thrown instanceof CommandFailure) throw thrown;
    const text = messageOf(thrown);
    for (const [pattern, code, message] of KNOWN) {
      const found = pattern.exec(text);
      if (found) throw new CommandFailure(code, message(found));
    }
    throw new CommandFailure("BadValue", text);
  }
}
