import type { ConverterSet, Executor } from "tslab/dist/executor.js";
import { errorOfFindings, errorOfThrown, type CellError, type Finding } from "./cell-error.ts";
import type { Tslab } from "./tslab.ts";

/** tslab's executor, which also knows why the last cell failed. */
export interface CellExecutor extends Executor {
  readonly failure: CellError | undefined;
}

/** Where an executor prints. */
export interface CellConsole {
  log(...values: unknown[]): void;
  error(...values: unknown[]): void;
}

/** What happened to the cell that runs. */
interface Report {
  findings: readonly Finding[];
  thrown: unknown;
  failure: CellError | undefined;
}

/**
 * Creates tslab's executor with its reports caught: it prints errors as text and says only "failed"; here they are kept as data, so that
 * a kernel can send a proper error message.
 */
export function createCellExecutor(
  create: Tslab["executor"]["createExecutor"],
  root: string,
  converters: ConverterSet,
  console: CellConsole,
): CellExecutor {
  const report: Report = { findings: [], thrown: undefined, failure: undefined };
  const executor = create(root, watchFindings(converters, report), {
    log: (...values: unknown[]) => console.log(...values),
    error: (...values: unknown[]) => {
      if (report.findings.length > 0) return;
      if (values.length === 1) report.thrown = values[0];
      else console.error(...values);
    },
  });
  return {
    ...executor,
    get failure() {
      return report.failure;
    },
    execute: async (source) => {
      Object.assign(report, { findings: [], thrown: undefined, failure: undefined });
      const passed = await executor.execute(source);
      if (!passed) report.failure = report.findings.length > 0 ? errorOfFindings(report.findings, source) : errorOfThrown(report.thrown);
      return passed;
    },
  };
}

function watchFindings(converters: ConverterSet, report: Report): ConverterSet {
  const { node } = converters;
  return {
    node: {
      ...node,
      convert: (earlier, source) => {
        const converted = node.convert(earlier, source);
        report.findings = converted.diagnostics.map(({ start, messageText }) => ({
          line: start.line,
          column: start.character,
          message: messageText,
        }));
        return converted;
      },
    },
    get browser() {
      return converters.browser;
    },
    close: () => converters.close(),
  };
}
