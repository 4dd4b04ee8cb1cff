import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import path from "node:path";
import { projectRoot } from "../base/project.ts";
import { signalGroup } from "./end-process.ts";
import { jupyterPath, writeKernelspec } from "./kernelspec.ts";
import { notebooksFolder } from "./notebook-folder.ts";
import { NotebookError } from "./notebook-error.ts";

const JUPYTERLAB = "jupyterlab>=4.4,<5";
const environment = path.join(projectRoot, ".streamlab", "python");
const binaries = process.platform === "win32" ? "Scripts" : "bin";

/**
 * Opens the notebooks in JupyterLab until it ends or the signal aborts: on loopback, with the token that JupyterLab draws and prints.
 * Uses the project's own Python environment, else one on the PATH; where there is none and Python is, it asks pip for one.
 */
export async function openJupyterLab(options: {
  readonly file?: string;
  readonly browser?: boolean;
  readonly signal?: AbortSignal;
}): Promise<void> {
  await writeKernelspec();
  const program = findJupyterLab() ?? installJupyterLab();
  const target = path.resolve(options.file ?? notebooksFolder);
  const root = path.relative(projectRoot, target).startsWith("..") ? path.dirname(target) : projectRoot;
  const args = ["--ServerApp.ip=127.0.0.1", "--ServerApp.allow_remote_access=False", `--ServerApp.root_dir=${root}`];
  if (options.browser === false) args.push("--no-browser");
  const known = process.env["JUPYTER_PATH"];
  const child = spawn(program, [...args, target], {
    cwd: projectRoot,
    detached: process.platform !== "win32",
    stdio: "inherit",
    env: { ...process.env, JUPYTER_PATH: known ? `${jupyterPath}${path.delimiter}${known}` : jupyterPath },
  });
  const end = (): void => {
    if (child.pid !== undefined) signalGroup(child.pid, "SIGTERM");
  };
  options.signal?.addEventListener("abort", end, { once: true });
  try {
    const [code] = (await once(child, "exit")) as [number | null];
    if (code !== 0 && code !== null && !options.signal?.aborted)
      throw new NotebookError("NO_JUPYTERLAB", {
        failed: "JupyterLab ended with an error",
        found: `exit code ${code}`,
        remedy: "See its message above.",
      });
  } finally {
    options.signal?.removeEventListener("abort", end);
    end();
  }
}

function findJupyterLab(): string | undefined {
  const own = path.join(environment, binaries, process.platform === "win32" ? "jupyter-lab.exe" : "jupyter-lab");
  if (existsSync(own)) return own;
  return runs("jupyter-lab", ["--version"]) ? "jupyter-lab" : undefined;
}

function installJupyterLab(): string {
  const python = ["python3", "python"].find((name) => runs(name, ["-c", "import venv, ensurepip"]));
  if (!python)
    throw new NotebookError("NO_JUPYTERLAB", {
      failed: "Cannot open the notebooks",
      found: "no JupyterLab and no Python 3 with venv on this machine",
      remedy: 'Install Python 3 and try again, or open them in an editor that knows Jupyter; "streamlab notebooks run" needs neither.',
    });
  process.stderr.write("Installing JupyterLab into .streamlab/python (about 240 MB, once) …\n");
  step(python, ["-m", "venv", environment]);
  step(path.join(environment, binaries, "python"), ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", JUPYTERLAB]);
  return path.join(environment, binaries, "jupyter-lab");
}

function step(program: string, args: readonly string[]): void {
  const { status } = spawnSync(program, args, { stdio: ["ignore", "inherit", "inherit"] });
  if (status === 0) return;
  throw new NotebookError("NO_JUPYTERLAB", {
    failed: "Cannot install JupyterLab",
    found: `${path.basename(program)} ${args[1] ?? ""} ended with ${status ?? "a signal"}`,
    remedy: 'See its message above, or install JupyterLab yourself so that "jupyter-lab" is on the PATH.',
  });
}

function runs(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: "ignore" }).status === 0;
}
