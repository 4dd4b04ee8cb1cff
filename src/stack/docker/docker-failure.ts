import { codeOf, messageOf } from "../../base/errors.ts";
import { StackError, type StackErrorCode } from "../stack-error.ts";

interface Sign {
  readonly pattern: RegExp;
  readonly code: StackErrorCode;
  readonly found: string;
  readonly remedy: string;
}

const USE_EMBEDDED = "or use --kafka embedded and --mongo embedded, which need no Docker.";

/** What Docker says, by which one knows what is wrong; the first that fits counts. */
const SIGNS: readonly Sign[] = [
  {
    pattern: /permission denied[^]*docker|docker[^]*permission denied/i,
    code: "DOCKER_NOT_ALLOWED",
    found: "this user may not use the Docker daemon",
    remedy: 'Add yourself to the group "docker" and log in again (its members can do what root can), run Docker rootless, ',
  },
  {
    pattern: /cannot connect to the docker daemon|is the docker daemon running|error during connect|docker desktop is (?:unable|not)/i,
    code: "DOCKER_NOT_RUNNING",
    found: "the Docker daemon does not run",
    remedy: 'Start Docker Desktop, or "sudo systemctl start docker", ',
  },
  {
    pattern:
      /unknown command: docker compose|'compose' is not a docker command|unknown shorthand flag|unknown flag: --(?:wait|env-file|project)/i,
    code: "COMPOSE_MISSING",
    found: "there is no Docker Compose v2",
    remedy: "Install the compose plugin (2.20 or later), ",
  },
  {
    pattern: /port is already allocated|address already in use|ports are not available/i,
    code: "PORT_IN_USE",
    found: "a port is in use",
    remedy: "End the program that has it, or choose another port with --kafka-port or --mongo-port, ",
  },
  {
    pattern: /required variable (\w+) is missing a value/i,
    code: "DOCKER_SECRETS",
    found: "a secret in .env is empty",
    remedy: "Remove its line, and the next start makes one up, ",
  },
  {
    pattern: /no such host|pull access denied|toomanyrequests|tls handshake timeout|failed to resolve|manifest unknown|i\/o timeout/i,
    code: "DOCKER_IMAGE",
    found: "an image cannot be fetched",
    remedy: "Look at the network and at Docker's proxy settings, ",
  },
];

/** The failure of a call of Docker in three parts. `log`: the end of what the container wrote. */
export function dockerFailure(failed: string, thrown: unknown, log: string = ""): StackError {
  if (thrown instanceof StackError) return thrown;
  const said = saidBy(thrown);
  if (codeOf(thrown) === "ENOENT" || /spawn docker ENOENT/.test(said)) {
    return new StackError("DOCKER_MISSING", {
      failed,
      found: "there is no docker program on PATH",
      remedy: `Install Docker, ${USE_EMBEDDED}`,
      cause: thrown,
    });
  }
  const sign = SIGNS.find(({ pattern }) => pattern.test(said));
  const words = lastLines(said, 2);
  if (sign)
    return new StackError(sign.code, { failed, found: `${sign.found}: ${words}`, remedy: sign.remedy + USE_EMBEDDED, cause: thrown });
  return new StackError("SERVICE_FAILED", {
    failed,
    found: `${words}${log.trim() === "" ? "" : `; its log ends with: ${lastLines(log, 3)}`}`,
    remedy: 'Look at its log with "docker compose logs".',
    cause: thrown,
  });
}

/** What a call wrote: the docker-compose package rejects with an object of exit code, stdout and stderr. */
function saidBy(thrown: unknown): string {
  if (typeof thrown === "object" && thrown !== null && "err" in thrown) {
    const { err, out } = thrown as { readonly err: unknown; readonly out?: unknown };
    return `${String(out ?? "")}\n${String(err)}`;
  }
  return messageOf(thrown);
}

function lastLines(text: string, count: number): string {
  const lines = text
    .replace(/\u001b\[[\d;?]*[A-Za-z]/g, "")
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return lines.slice(-count).join(" ").slice(0, 600) || "Docker said nothing";
}
