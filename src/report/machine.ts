import os from "node:os";

/** The machine that a run was made on, for the head of the report. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMb: number;
  /** "Linux 6.1.0". */
  readonly os: string;
  readonly arch: string;
  /** "24.21.0". */
  readonly node: string;
}

/** This machine. Cores are those that this process may use. */
export function readMachine(): Machine {
  return {
    cpu: os.cpus()[0]?.model.trim() || "unknown processor",
    cores: os.availableParallelism(),
    memoryMb: Math.round(os.totalmem() / 1024 / 1024),
    os: `${os.type()} ${os.release()}`,
    arch: process.arch,
    node: process.versions.node,
  };
}
