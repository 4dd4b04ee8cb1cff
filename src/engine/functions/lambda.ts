import type { Emitted } from "../codegen/code.ts";
import type { Resolved } from "../columns/resolved.ts";
import type { DataType } from "../types/data-type.ts";
import type { EmitContext, FunctionEntry, ResolvedCallNode } from "./function-entry.ts";

/** What a lambda's parameter stands for. */
export interface LambdaParameter {
  readonly dataType: DataType;
  readonly nullable: boolean;
  /** A lambda may be written without it. */
  readonly optional?: boolean;
}

const UNBOUND: FunctionEntry = {
  name: "namedlambdavariable",
  doc: "A parameter of a lambda.",
  resolve() {
    throw new RangeError("a lambda's parameter is no function");
  },
  emit(call) {
    throw new RangeError(`the lambda's parameter ${call.options.variable ?? ""} has no value here`);
  },
};

/**
 * A parameter of a lambda in its body. `id` names it by how deep its lambda lies in other lambdas, so that the same expression written twice is the
 * same expression.
 */
export function lambdaVariable(id: string, parameter: LambdaParameter): Resolved {
  return { kind: "call", entry: UNBOUND, args: [], options: { variable: id }, dataType: parameter.dataType, nullable: parameter.nullable };
}

/**
 * Writes the body of a call's lambda (its argument `at`) for these values of its parameters, in the present block. The values must be texts that may be
 * repeated.
 */
export function emitLambda(call: ResolvedCallNode, at: number, values: readonly Emitted[], context: EmitContext): Emitted {
  const body = call.args[at];
  const ids = call.options.lambdas?.[at];
  if (!body || !ids) throw new RangeError(`argument ${at} of ${call.entry.name} is no lambda`);
  const bound = new Map<string, FunctionEntry>();
  for (const [i, id] of ids.entries()) {
    const emitted = values[i];
    if (emitted) bound.set(id, { ...UNBOUND, name: `${UNBOUND.name} ${context.writer.local("x")}`, emit: () => emitted });
  }
  return context.emit(bind(body, bound));
}

/** The expression with parameters given their values. Parameters of a lambda within it that have the same name are its own. */
function bind(expression: Resolved, bound: ReadonlyMap<string, FunctionEntry>): Resolved {
  switch (expression.kind) {
    case "field":
    case "literal":
      return expression;
    case "cast":
    case "getField":
      return { ...expression, input: bind(expression.input, bound) };
    case "case":
      return {
        ...expression,
        branches: expression.branches.map(([when, then]): [Resolved, Resolved] => [bind(when, bound), bind(then, bound)]),
        ...(expression.otherwise && { otherwise: bind(expression.otherwise, bound) }),
      };
    case "call": {
      const entry = expression.options.variable === undefined ? undefined : bound.get(expression.options.variable);
      if (entry) return { ...expression, entry, options: {} };
      const args = expression.args.map((arg, i) => {
        const own = expression.options.lambdas?.[i];
        return bind(arg, own ? new Map([...bound].filter(([id]) => !own.includes(id))) : bound);
      });
      return { ...expression, args };
    }
  }
}
