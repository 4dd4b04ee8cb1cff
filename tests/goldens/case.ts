import type { JsonValue } from "../../src/engine/types/json-value.ts";
import type { GoldenExpression } from "./expression.ts";

/** A file of golden cases (FORMAT.md). */
export type GoldenFile = { readonly category: string; readonly spark: string; readonly cases: readonly GoldenCase[] };

export type GoldenColumn = readonly [name: string, type: string];
export type GoldenRow = readonly JsonValue[];

export interface GoldenCase {
  readonly name: string;
  readonly inputs: Readonly<Record<string, readonly GoldenColumn[]>>;
  readonly tables?: Readonly<Record<string, { readonly schema: readonly GoldenColumn[]; readonly rows: readonly GoldenRow[] }>>;
  readonly conf?: GoldenConf;
  readonly query: GoldenPlan;
  readonly outputMode: string;
  readonly ordered?: boolean;
  readonly steps: readonly GoldenStep[];
  readonly outputSchema?: readonly GoldenColumn[];
  readonly expect?: readonly (readonly GoldenBatch[])[];
  readonly expectError?: GoldenError;
}

export type GoldenConf = Readonly<Record<string, string | boolean>>;
export type GoldenStep = {
  readonly add?: Readonly<Record<string, readonly GoldenRow[]>>;
  readonly restart?: boolean;
  readonly conf?: GoldenConf;
};
export type GoldenError = {
  readonly phase: Phase;
  readonly step?: number;
  readonly errorClass: string | null;
  readonly messageContains: string;
};
export type Phase = "analysis" | "start" | "run";

export interface GoldenBatch {
  readonly batchId: number;
  readonly watermark: string | null;
  readonly numInputRows: number;
  readonly rows: readonly GoldenRow[];
  readonly state: readonly Readonly<Record<string, string | number>>[];
}

export type GoldenKey = {
  readonly column?: string;
  readonly as?: string;
  readonly expr?: GoldenExpression;
  readonly window?: { readonly column: string; readonly size: string; readonly slide?: string; readonly offset?: string };
  readonly sessionWindow?: { readonly column: string; readonly gap: string | GoldenExpression };
};

export type GoldenAggregate = {
  readonly fn: string;
  readonly column?: string;
  readonly expr?: GoldenExpression;
  readonly as: string;
  readonly distinct?: boolean;
  readonly sorted?: boolean;
  readonly args?: readonly GoldenExpression[];
};

export type GoldenSelect = { readonly column?: string; readonly as?: string; readonly expr?: GoldenExpression };

/** A plan node; `op` may be one that the runner does not know, which fails the case only. */
export type GoldenPlan = {
  readonly op: string;
  readonly name?: string;
  readonly input?: GoldenPlan;
  readonly left?: GoldenPlan;
  readonly right?: GoldenPlan;
  readonly column?: string;
  readonly delay?: string;
  readonly condition?: GoldenExpression;
  readonly columns?: readonly (string | GoldenSelect)[];
  readonly expr?: GoldenExpression;
  readonly groupBy?: readonly GoldenKey[];
  readonly aggregates?: readonly GoldenAggregate[];
  readonly kind?: "rollup" | "cube";
  readonly type?: string;
  readonly by?: readonly { readonly column: string; readonly desc: boolean }[];
  readonly n?: number;
  readonly fraction?: number;
};
