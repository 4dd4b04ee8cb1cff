import type { Command } from "commander";
import { projectRoot } from "../base/project.ts";
import { runningDaemons } from "../stack/daemon.ts";
import { examine } from "../stack/doctor.ts";
import { startable } from "../stack/servers.ts";
import { type BackendFlags, backendsOf, withBackends } from "./backend-options.ts";

interface StatusFlags extends BackendFlags {
  readonly json?: boolean;
}

/** `streamlab status`: which backend runs where, and why that one. */
export function addStatus(program: Command): void {
  withBackends(program.command("status"))
    .description("show which servers run where, and why those")
    .option("--json", "print as JSON")
    .addHelpText("after", "\nExample:\n  streamlab status --json")
    .action(async (flags: StatusFlags) => {
      const backends = backendsOf(flags);
      const daemons = await runningDaemons(projectRoot);
      const rows = (["kafka", "mongo"] as const).map((name) => {
        const backend = backends[name];
        const daemon = daemons.find((running) => running.name === name);
        const address = backend.kind === "external" ? backend.address : (daemon?.address ?? null);
        return {
          name,
          backend: backend.kind,
          chosenBy: backend.origin,
          address,
          pid: backend.kind === "external" ? null : (daemon?.pid ?? null),
          title: backend.kind === "external" ? `external ${name}` : (daemon?.title ?? startable(name, backend).title),
        };
      });
      if (flags.json) return console.log(JSON.stringify(rows));
      for (const row of rows) {
        const state =
          row.backend === "external"
            ? row.address
            : row.address
              ? `up at ${row.address} (pid ${row.pid})`
              : `down; start it with "streamlab up${row.backend === "embedded" ? "" : ` --${row.name} ${row.backend}`}"`;
        console.log(`${row.title}: ${state} [chosen by ${row.chosenBy}]`);
      }
    });
}

/** `streamlab doctor`: what this machine has, and what each missing thing would add. */
export function addDoctor(program: Command): void {
  withBackends(program.command("doctor"))
    .description("check runtime, ports, disk, servers and what could be added")
    .option("--json", "print as JSON")
    .addHelpText("after", "\nExample:\n  streamlab doctor")
    .action(async (flags: StatusFlags) => {
      const findings = await examine(projectRoot, backendsOf(flags));
      if (flags.json) console.log(JSON.stringify(findings));
      else for (const finding of findings) console.log(`${finding.verdict.padEnd(8)} ${finding.subject.padEnd(16)} ${finding.detail}`);
      if (findings.some((finding) => finding.verdict === "problem")) process.exitCode = 1;
    });
}
