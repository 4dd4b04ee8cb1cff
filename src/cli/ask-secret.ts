import { Interrupted } from "./failure.ts";

const CTRL_C = "\u0003";
const CTRL_D = "\u0004";
const BACKSPACES = ["\u007f", "\b"];

/** Asks on the terminal and does not show what is typed. "" at the end of the input. @throws Interrupted on Ctrl+C */
export function askSecret(
  question: string,
  input: NodeJS.ReadStream = process.stdin,
  output: NodeJS.WritableStream = process.stderr,
): Promise<string> {
  return new Promise((resolve, reject) => {
    output.write(question);
    input.setRawMode(true);
    let typed = "";
    const end = (settle: () => void): void => {
      input.off("data", take);
      input.setRawMode(false);
      input.pause();
      output.write("\n");
      settle();
    };
    const take = (chunk: Buffer): void => {
      for (const key of chunk.toString("utf8")) {
        if (key === CTRL_C) return end(() => reject(new Interrupted("interrupted")));
        if (key === "\r" || key === "\n" || key === CTRL_D) return end(() => resolve(typed));
        if (BACKSPACES.includes(key)) typed = [...typed].slice(0, -1).join("");
        else typed += key;
      }
    };
    input.on("data", take);
    input.resume();
  });
}
