import { mkdir } from "node:fs/promises";
import path from "node:path";
import { writeFileAtomic } from "../base/atomic-file.ts";
import { projectRoot } from "../base/project.ts";

/** Where Jupyter finds this project's kernel: the value for JUPYTER_PATH. */
export const jupyterPath: string = path.join(projectRoot, ".streamlab", "jupyter");

/**
 * Writes the kernel's description, with the absolute path of the Node that runs this process and of the kernel. Called whenever a
 * notebook is opened, so that a moved project or another Node is noticed.
 */
export async function writeKernelspec(folder: string = jupyterPath): Promise<string> {
  const kernelFolder = path.join(folder, "kernels", "streamlab");
  const file = path.join(kernelFolder, "kernel.json");
  await mkdir(kernelFolder, { recursive: true });
  const spec = {
    argv: [process.execPath, path.join(import.meta.dirname, "kernel.ts"), "{connection_file}"],
    display_name: "TypeScript (streamlab)",
    language: "typescript",
    interrupt_mode: "signal",
    env: { TZ: "UTC", NO_COLOR: "1" },
  };
  await writeFileAtomic(file, `${JSON.stringify(spec, undefined, 2)}\n`);
  return file;
}
