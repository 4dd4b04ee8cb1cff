/** A right and a wrong answer, as code, for each exercise of a notebook, in its order. */
export type ExerciseAnswers = readonly (readonly [right: string, wrong: string])[];

/** The answers by the notebook's file name. */
export const EXERCISE_ANSWERS: Readonly<Record<string, ExerciseAnswers>> = {
  "01-infrastructure.ipynb": [
    ["3", "4"],
    [`"no"`, `"yes"`],
    ["{ alert_type: 1, timestamp: -1 }", "{ value: 1 }"],
  ],
  "02-generator.ipynb": [
    ["500", "5_000"],
    ["800", "1_000"],
    ["4", "1"],
  ],
  "03-stream-processing.ipynb": [
    ["0", "1"],
    ["6", "5"],
    [`one.groupBy((r) => ({ window: window(r.timestamp, "2 minutes", "30 seconds") })).count()`, `one.select("value")`],
  ],
  "04-mongo-sink.ipynb": [
    ["1", "4"],
    ["7", "8"],
    ["2", "1"],
  ],
  "05-visualization.ipynb": [
    ["2 + 0.3", "2"],
    ["3", "50"],
  ],
  "06-monitoring-and-report.ipynb": [
    ["400", "200"],
    ["500", "150"],
    ["800", "50"],
  ],
};
