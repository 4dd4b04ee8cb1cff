import { appendFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import path from "node:path";
import { systemClock, type Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { metadataApi } from "../../kafka-protocol/messages/metadata.ts";
import { connectForRequests } from "../../kafka-protocol/request-connection.ts";
import { StackError } from "../stack-error.ts";
import { runJava, startJava, type JavaProcess, type JavaSettings } from "./java-process.ts";
import { propertiesText, scramArguments, serverProperties, type ClusterPlan, type NodePorts } from "./server-properties.ts";

const READY_MS = 90_000;
const ANSWER_MS = 2_000;
const METADATA_VERSION = 9;

/** One node of a Kafka that runs here: broker and controller in one process. */
export class KafkaNode {
  readonly id: number;
  /** Of its plain listener. */
  readonly port: number;
  readonly logFile: string;
  readonly #folder: string;
  readonly #settings: JavaSettings;
  readonly #clock: Clock;
  #process: JavaProcess | undefined;
  #asked = false;
  #onEnd: ((how: string) => void) | undefined;

  /**
   * Writes the settings and formats the data folder where that has not been done (kafka-storage format).
   * @throws StackError SERVICE_FAILED
   */
  static async prepare(
    plan: ClusterPlan,
    ports: NodePorts,
    folder: string,
    clusterId: string,
    settings: JavaSettings,
    clock: Clock = systemClock,
  ): Promise<KafkaNode> {
    const node = new KafkaNode(ports, folder, settings, clock);
    const data = path.join(folder, "data");
    await mkdir(data, { recursive: true });
    await writeFile(node.#properties, propertiesText(serverProperties(plan, ports, data)));
    if (!existsSync(path.join(data, "meta.properties"))) {
      const args = ["format", `--cluster-id=${clusterId}`, "--config", node.#properties, ...scramArguments(plan.users)];
      await runJava({ ...settings, quick: true, heapMiB: 128 }, "kafka.tools.StorageTool", args).catch((thrown: unknown) => {
        throw new StackError("SERVICE_FAILED", {
          failed: `Cannot format the data folder of Kafka's node ${ports.id}`,
          found: messageOf(thrown).slice(0, 500),
          remedy: `Look at ${folder}.`,
          cause: thrown,
        });
      });
    }
    return node;
  }

  private constructor(ports: NodePorts, folder: string, settings: JavaSettings, clock: Clock) {
    this.id = ports.id;
    this.port = ports.listeners.PLAINTEXT ?? 0;
    this.logFile = path.join(folder, "server.log");
    this.#folder = folder;
    this.#settings = settings;
    this.#clock = clock;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  get running(): boolean {
    return this.#process?.running ?? false;
  }

  get #properties(): string {
    return path.join(this.#folder, "server.properties");
  }

  /** Calls `listener` when the node has ended without having been asked to: how. */
  onEnd(listener: (how: string) => void): void {
    this.#onEnd = listener;
  }

  /**
   * Starts the node's process, unless it runs, and waits until it answers that `together` nodes are there.
   * @throws StackError SERVICE_FAILED with the end of its log, SERVICE_TIMEOUT
   */
  async start(together: number = 1, signal?: AbortSignal): Promise<void> {
    if (!this.running) {
      await appendFile(this.logFile, "");
      this.#asked = false;
      const started = startJava(this.#settings, "kafka.Kafka", [this.#properties], this.logFile);
      this.#process = started;
      void started.ended.then((how) => {
        if (!this.#asked) this.#onEnd?.(how);
      });
    }
    const deadline = this.#clock.monotonicMs() + READY_MS;
    while (!(await this.#knows(together))) {
      const isLate = this.#clock.monotonicMs() > deadline;
      if (this.running && !isLate) {
        await this.#clock.sleep(50, signal);
        continue;
      }
      const how = this.running ? `not ready after ${READY_MS / 1000} s` : `its process ended with ${await this.#process?.ended}`;
      await this.kill();
      throw new StackError(isLate ? "SERVICE_TIMEOUT" : "SERVICE_FAILED", {
        failed: `Kafka's node ${this.id} did not start on port ${this.port}`,
        found: `${how}; ${(await this.#complaint()) || "it said nothing"}`,
        remedy: `Its log is ${this.logFile}; "streamlab doctor" shows what this machine lacks.`,
      });
    }
  }

  /** SIGTERM, which hands its partitions over; SIGKILL after `graceMs`. */
  async stop(graceMs: number = 8_000): Promise<void> {
    this.#asked = true;
    const process = this.#process;
    if (!process?.running) return;
    process.kill("SIGTERM");
    const killer = setTimeout(() => process.kill("SIGKILL"), graceMs);
    await process.ended;
    clearTimeout(killer);
  }

  /** SIGKILL: what a power cut leaves. `start` brings it back with its data. */
  async kill(): Promise<void> {
    this.#asked = true;
    const process = this.#process;
    if (!process?.running) return;
    process.kill("SIGKILL");
    await process.ended;
  }

  /** Whether the node itself serves requests and knows of so many brokers, of which it is one. */
  async #knows(together: number): Promise<boolean> {
    try {
      const limit = AbortSignal.timeout(ANSWER_MS);
      const connection = await connectForRequests({ host: "127.0.0.1", port: this.port, signal: limit });
      try {
        const late = new Promise<never>((_, reject) => limit.addEventListener("abort", () => reject(new Error("no answer"))));
        const { brokers } = await Promise.race([connection.request(metadataApi, METADATA_VERSION, { topics: [] }), late]);
        return brokers.length >= together && brokers.some(({ nodeId }) => nodeId === this.id);
      } finally {
        connection.close();
      }
    } catch {
      return false;
    }
  }

  /** The last of its log that says what is wrong. */
  async #complaint(): Promise<string> {
    const lines = (await readFile(this.logFile, "utf8")).trim().split("\n");
    const telling = lines.filter((line) => /ERROR|FATAL|Exception|Error:/.test(line) && !/^\s+at /.test(line));
    return (telling.length > 0 ? telling : lines).slice(-3).join(" ").slice(-600);
  }
}
