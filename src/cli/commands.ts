import type { Command } from "commander";
import { addConsume } from "./consume.ts";
import { addDashboard } from "./dashboard.ts";
import { addGenerate } from "./generate.ts";
import { addGrade } from "./grade.ts";
import { addLab } from "./lab.ts";
import { addNotebooks } from "./notebooks.ts";
import { addProduce } from "./produce.ts";
import { addReport } from "./report.ts";
import { addDoctor, addStatus } from "./status.ts";
import { addTopics } from "./topics.ts";
import { addDown, addUp } from "./up.ts";

/** Every command, in the order of the help. A command is one file that adds itself to the program, and one word here. */
export const commands: readonly ((program: Command) => void)[] = [
  addLab,
  addUp,
  addDown,
  addStatus,
  addDoctor,
  addTopics,
  addProduce,
  addConsume,
  addGenerate,
  addDashboard,
  addReport,
  addGrade,
  addNotebooks,
];
