import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { declaredDifferences } from "./declared-differences.ts";
import { declaredFor, differencesIn } from "./harness/differences.ts";
import type { ClientKind } from "./harness/request-tap.ts";
import { runConformance } from "./harness/run.ts";
import { themes } from "./scenario/themes.ts";

const { values } = parseArgs({
  options: { theme: { type: "string" }, client: { type: "string" }, transcripts: { type: "string" }, steps: { type: "boolean" } },
});
const run = await runConformance({
  onStep: (target, theme, title, ms) => void (values.steps && console.error(`${target} ${theme}: ${title}: ${ms} ms`)),
  themes: themes.filter(({ name }) => values.theme === undefined || values.theme.split(",").includes(name)),
  ...(values.client === undefined ? {} : { clients: values.client.split(",") as ClientKind[] }),
});
if (values.transcripts) await writeFile(values.transcripts, JSON.stringify(run, undefined, 1));
let bad = 0;
for (const step of run.steps) {
  const id = `${step.theme} › ${step.client} › ${step.title}`;
  for (const side of ["embedded", "kafka"] as const)
    if (step[side].failure) console.log(`FAILED at ${side}: ${id}\n   ${step[side].failure}`);
  if (step.embedded.failure ?? step.kafka.failure) {
    bad++;
    continue;
  }
  const open = differencesIn(id, step.embedded.transcript, step.kafka.transcript).filter((one) => !declaredFor(one, declaredDifferences));
  if (open.length === 0) continue;
  bad++;
  console.log(id);
  for (const { path, embedded, kafka } of open)
    console.log(`   ${path}\n      ours   ${JSON.stringify(embedded)}\n      kafka  ${JSON.stringify(kafka)}`);
}
console.log(`${run.steps.length} steps, ${bad} differ, ${run.seconds} s`);
