import type { Node } from "../plan/node.ts";
import { allNodes, inputsOf } from "../plan/node.ts";
import type { StatefulOperator } from "./stateful.ts";

/**
 * The input watermark of each operator: the global one starts where a watermark is defined, and rises through the operators that hold it back; the
 * least of several inputs rules, inputs without a watermark not counted. An operator with none below has −Infinity (Spark's WatermarkPropagator).
 */
export function propagate(
  plan: Node,
  operators: readonly { readonly operator: StatefulOperator; readonly node: Node }[],
  watermarkUs: number,
): number[] {
  const inputs = new Map<Node, number>();
  const walk = (node: Node): number => {
    const below = inputsOf(node)
      .map(walk)
      .filter((us) => us !== -Infinity);
    if (node.op === "watermark") return node.streaming ? watermarkUs : -Infinity;
    const input = below.length === 0 ? -Infinity : Math.min(...below);
    const found = operators.find((one) => one.node === node);
    if (!found) return input;
    inputs.set(node, input);
    return input === -Infinity ? input : found.operator.outputWatermarkUs(input);
  };
  walk(plan);
  return operators.map(({ node }) => inputs.get(node) ?? -Infinity);
}

/** Whose event times a watermark follows: the column, and the sources below it. */
export function inputName(node: Extract<Node, { op: "watermark" }>): string {
  const sources = allNodes(node).flatMap((one) => {
    if (one.op !== "source" || !one.streaming) return [];
    const { subscribe, subscribePattern, assign, path } = one.options;
    return [[one.format, subscribe ?? subscribePattern ?? assign ?? path].filter((part) => part !== undefined).join(" ")];
  });
  return `${node.columns[node.ordinal]?.name ?? ""} of ${[...new Set(sources)].join(", ")}`;
}
