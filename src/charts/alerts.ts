import type { Figure } from "./figure.ts";
import { rounded, singleView } from "./marks.ts";
import { GRID, INK, PALETTE } from "./theme.ts";

/** A8's types from grave to slight, their colours, and the share that uniform values give. */
const ALERT_TYPES = [
  { type: "CRITICAL", colour: PALETTE.orange, expected: 0.1 },
  { type: "WARNING", colour: PALETTE.amber, expected: 0.1 },
  { type: "INFO", colour: PALETTE.blue, expected: 0.8 },
] as const;

/** Stored alerts by type, each with its share and the share that the rule of A8 leads to. */
export function alertsFigure(counts: Readonly<Record<string, number>>): Figure {
  const known: readonly string[] = ALERT_TYPES.map((alert) => alert.type);
  const types = [
    ...known,
    ...Object.keys(counts)
      .filter((type) => !known.includes(type))
      .sort(),
  ];
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const data = types.map((type) => {
    const share = total === 0 ? 0 : (counts[type] ?? 0) / total;
    return {
      type,
      alerts: counts[type] ?? 0,
      share: rounded(share, 4),
      expectedShare: ALERT_TYPES.find((alert) => alert.type === type)?.expected ?? null,
    };
  });
  const values = data.map((row) => ({
    ...row,
    label: `${row.alerts.toLocaleString("en-US")} (${(row.share * 100).toFixed(1)} %)`,
    expected: row.expectedShare === null ? null : row.expectedShare * total,
    meaning: "expected of uniform values: 10 / 10 / 80 %",
  }));
  const colours = types.map((type) => ALERT_TYPES.find((alert) => alert.type === type)?.colour ?? PALETTE.grey);
  const y = { field: "type", type: "nominal", sort: types, axis: { title: null, labelFontSize: 13, labelFontWeight: "bold" } };
  return {
    name: "alerts",
    description: `Stored alerts by type: ${values.map((row) => `${row.type} ${row.label}`).join(", ")}.`,
    data,
    spec: singleView(
      {
        title: "Alerts by type",
        subtitle: `${total.toLocaleString("en-US")} stored alerts; the tick marks the share expected of uniform values (10 / 10 / 80 %)`,
      },
      {
        data: { values },
        layer: [
          {
            mark: { type: "bar", height: { band: 0.6 } },
            encoding: {
              y,
              x: {
                field: "alerts",
                type: "quantitative",
                axis: { title: "alerts", grid: true, gridColor: GRID, format: ",.0f", tickCount: 6, tickMinStep: 1 },
                scale: { domain: [0, Math.max(1, ...values.map((row) => Math.max(row.alerts, row.expected ?? 0))) * 1.2], nice: false },
              },
              color: { field: "type", type: "nominal", scale: { domain: types, range: colours }, legend: null },
            },
          },
          {
            mark: { type: "tick", thickness: 2.5, size: 46, color: INK, opacity: 1 },
            encoding: { y, x: { field: "expected", type: "quantitative" } },
          },
          {
            mark: { type: "text", align: "left", dx: 10, fontSize: 13 },
            encoding: { y, x: { field: "alerts", type: "quantitative" }, text: { field: "label", type: "nominal" } },
          },
        ],
      },
      280,
    ),
  };
}
