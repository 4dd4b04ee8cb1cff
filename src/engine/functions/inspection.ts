import { QueryExecutionError } from "../codegen/execution-error.ts";
import { wrongArgumentCount } from "../columns/analysis-error.ts";
import { simpleString } from "../types/type-text.ts";
import { isTrue } from "../codegen/emit.ts";
import type { FunctionEntry } from "./function-entry.ts";
import { BOOLEAN, implicitCast, literalOf, NULL, STRING } from "./scalar.ts";

/** What looks at a query rather than at values: types, and conditions that must hold. */
export const inspection: readonly FunctionEntry[] = [
  {
    name: "typeof",
    doc: "The name of the type.",
    resolve(args) {
      if (args.length !== 1) throw wrongArgumentCount("typeof", "1", args.length);
      return { args, dataType: STRING, nullable: false };
    },
    emit: (call) => ({ value: JSON.stringify(simpleString(call.args[0]?.dataType ?? NULL)), isNull: "false" }),
  },
  {
    name: "assert_true",
    doc: "Null where the condition is true; stops the query with a message where it is not.",
    resolve(args, _options, settings) {
      const [condition, message] = args;
      if (!condition || args.length > 2) throw wrongArgumentCount("assert_true", "[1, 2]", args.length);
      return {
        args: [
          implicitCast(condition, BOOLEAN, "assert_true", settings),
          ...(message ? [implicitCast(message, STRING, "assert_true", settings)] : []),
        ],
        dataType: NULL,
        nullable: true,
      };
    },
    emit(call, context) {
      const [condition, message] = call.args;
      if (!condition) throw wrongArgumentCount("assert_true", "[1, 2]", 0);
      const { writer } = context;
      const test = context.emit(condition);
      const fail = writer.constant("raised", raised);
      writer.block(`if (!(${isTrue(test)}))`, () => {
        const text = message ? context.emit(message).value : JSON.stringify("the condition is not true");
        writer.line(`throw ${fail}(${text});`);
      });
      return { value: "null", isNull: "true" };
    },
  },
  {
    name: "raise_error",
    doc: "Stops the query with a message.",
    resolve(args, _options, settings) {
      const [message] = args;
      if (!message || args.length !== 1) throw wrongArgumentCount("raise_error", "1", args.length);
      return { args: [implicitCast(message, STRING, "raise_error", settings)], dataType: NULL, nullable: true };
    },
    emit(call, context) {
      const [message] = call.args;
      const fixed = literalOf(message);
      const text = message === undefined || typeof fixed === "string" ? JSON.stringify(fixed ?? "") : context.emit(message).value;
      context.writer.line(`if (true) throw ${context.writer.constant("raised", raised)}(${text});`);
      return { value: "null", isNull: "true" };
    },
  },
];

function raised(message: string): QueryExecutionError {
  return new QueryExecutionError("USER_RAISED_EXCEPTION", {
    failed: message,
    found: "the query asks to stop here",
    remedy: "Correct the rows that come here, or the condition.",
  });
}
