import type { Command } from "commander";
import { addDashboard } from "./dashboard.ts";
import { addNotebooks } from "./notebooks.ts";
import { addDoctor, addStatus } from "./status.ts";
import { addDown, addUp } from "./up.ts";

/** Every command, in the order of the help. A command is one file that adds itself to the program, and one word here. */
export const commands: readonly ((program: Command) => void)[] = [addUp, addDown, addStatus, addDoctor, addDashboard, addNotebooks];
