import { Option, type Command } from "commander";

/**
 * Lets a command take its action as a word (`groups describe g`) and as a flag of Kafka's tools (`groups --describe --group g`). The words are the
 * command's first argument.
 */
export function withActions<A extends string>(command: Command, actions: readonly A[], tool: string): Command {
  command.argument("[action]", actions.join(", "));
  for (const action of actions) command.addOption(new Option(`--${action}`, `the action ${action}, as ${tool} has it`).hideHelp());
  return command;
}

/**
 * The one action that is asked for. Without any the help is printed and the process ends with 0 (labs.md B8); two, or a word that is none, are wrong
 * usage.
 */
export function actionOf<A extends string>(command: Command, actions: readonly A[], word: string | undefined, flags: object): A {
  const isSet = (action: string): boolean => (flags as Readonly<Record<string, unknown>>)[attribute(action)] === true;
  const asked = [...new Set(actions.filter((action) => action === word || isSet(action)))];
  if (word !== undefined && !actions.includes(word as A))
    return command.error(`error: unknown action "${word}"; choose from ${actions.join(", ")}`);
  if (asked.length > 1) return command.error(`error: choose one of ${asked.join(", ")}`);
  return asked[0] ?? command.help();
}

/** The name under which commander keeps a flag: "reset-offsets" → "resetOffsets". */
function attribute(action: string): string {
  return action.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
