import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { format, resolveConfig } from "prettier";
import { declaredDifferences } from "./declared-differences.ts";
import type { ClientKind } from "./harness/request-tap.ts";
import { runConformance } from "./harness/run.ts";
import { apiName, PAGE, pageOf } from "./page.ts";
import { committedRecord, findingsOf, RECORD_FILE, recordOf } from "./record.ts";
import { themes } from "./scenario/themes.ts";

const USAGE = `Runs the scenario against the embedded broker and a real Apache Kafka, and writes docs/kafka-compatibility.md from what they answer.

  npm run conformance:page -- [options]
    --from-record           write the page from the record of the last run
    --theme a,b             only these themes, and write nothing (${themes.map(({ name }) => name).join(", ")})
    --client a,b            only the steps of these clients, and write nothing (raw, kafkajs, kcat, java)
    --transcripts FILE      keep what each step gave at both brokers
    --steps                 say which step has ended
`;

async function written(file: string, text: string): Promise<void> {
  await writeFile(file, await format(text, { ...(await resolveConfig(file)), filepath: file }));
}

async function run(): Promise<number> {
  const { values } = parseArgs({
    options: {
      "from-record": { type: "boolean" },
      theme: { type: "string" },
      client: { type: "string" },
      transcripts: { type: "string" },
      steps: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (values["from-record"]) {
    await writeFile(PAGE, await pageOf(committedRecord()));
    return 0;
  }
  const wanted = values.theme?.split(",");
  const isWhole = wanted === undefined && values.client === undefined;
  const ran = await runConformance({
    themes: themes.filter(({ name }) => wanted === undefined || wanted.includes(name)),
    ...(values.client === undefined ? {} : { clients: values.client.split(",") as ClientKind[] }),
    ...(values.steps ? { onStep: (target, theme, title, ms) => console.error(`${target} ${theme}: ${title}: ${ms} ms`) } : {}),
  });
  if (values.transcripts) await writeFile(path.resolve(values.transcripts), JSON.stringify(ran, undefined, 1));
  const { failures, undeclared, gone, unasked } = findingsOf(ran, declaredDifferences, apiName);
  for (const failure of failures) console.log(`went wrong: ${failure}`);
  for (const { step, path: at, embedded, kafka } of undeclared)
    console.log(`${step}\n  ${at || "all"}\n    embedded ${JSON.stringify(embedded)}\n    kafka    ${JSON.stringify(kafka)}`);
  if (isWhole) {
    for (const name of gone) console.log(`declared, but gone: ${name}`);
    for (const version of unasked) console.log(`not asked: ${version}`);
  }
  const found = failures.length + undeclared.length + (isWhole ? gone.length + unasked.length : 0);
  console.log(`${ran.steps.length} steps in ${ran.seconds} s, ${found} findings`);
  if (found > 0) return 1;
  if (isWhole) {
    await written(RECORD_FILE, JSON.stringify(recordOf(ran, declaredDifferences)));
    await writeFile(PAGE, await pageOf(JSON.parse(await readFile(RECORD_FILE, "utf8")) as ReturnType<typeof committedRecord>));
  }
  return 0;
}

process.exitCode = await run();
