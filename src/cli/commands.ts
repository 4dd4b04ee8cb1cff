import type { Command } from "commander";

/** Adds a command to the program. */
export type AddCommand = (program: Command) => void;

/**
 * Every command, in the order of the help. A command is one file that adds itself to the program, and one line here; only the file of the command
 * that runs is loaded.
 */
export const commands: Readonly<Record<string, () => Promise<AddCommand>>> = {
  lab: async () => (await import("./lab.ts")).addLab,
  up: async () => (await import("./up.ts")).addUp,
  down: async () => (await import("./up.ts")).addDown,
  status: async () => (await import("./status.ts")).addStatus,
  doctor: async () => (await import("./status.ts")).addDoctor,
  topics: async () => (await import("./topics.ts")).addTopics,
  produce: async () => (await import("./produce.ts")).addProduce,
  consume: async () => (await import("./consume.ts")).addConsume,
  offsets: async () => (await import("./offsets.ts")).addOffsets,
  groups: async () => (await import("./groups.ts")).addGroups,
  configs: async () => (await import("./configs.ts")).addConfigs,
  "delete-records": async () => (await import("./delete-records.ts")).addDeleteRecords,
  generate: async () => (await import("./generate.ts")).addGenerate,
  dashboard: async () => (await import("./dashboard.ts")).addDashboard,
  checkpoint: async () => (await import("./checkpoint.ts")).addCheckpoint,
  report: async () => (await import("./report.ts")).addReport,
  grade: async () => (await import("./grade.ts")).addGrade,
  notebooks: async () => (await import("./notebooks.ts")).addNotebooks,
};

/** The command that a command line names, or all of them where help is wanted. */
export async function loadCommands(args: readonly string[]): Promise<AddCommand[]> {
  const named = commands[args.find((arg) => !arg.startsWith("-")) ?? ""];
  return named ? [await named()] : Promise.all(Object.values(commands).map((load) => load()));
}
