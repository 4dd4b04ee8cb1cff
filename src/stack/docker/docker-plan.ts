import { freePort, isPortFree } from "../port.ts";
import type { ComposePorts, ComposeService } from "./compose.ts";

/** Which ports a service is published on, and how its clients reach it. The address holds no password. */
export interface DockerPlan {
  readonly ports: ComposePorts;
  readonly address: string;
}

const SECURE_PORT = 9091;

/** The ports of a service whose first one is `port`; the others are the usual ones where they are free. */
export async function dockerPlan(service: ComposeService, port: number): Promise<DockerPlan> {
  if (service === "mongo") return { ports: { STREAMLAB_MONGO_PORT: port }, address: `mongodb://127.0.0.1:${port}` };
  if (service === "kafka") {
    const secure = (await isPortFree(SECURE_PORT)) ? SECURE_PORT : await freePort();
    return { ports: { STREAMLAB_KAFKA_PORT: port, STREAMLAB_KAFKA_SECURE_PORT: secure }, address: `127.0.0.1:${port}` };
  }
  const [second, third] = [await freePort(), await freePort()];
  return {
    ports: { STREAMLAB_KAFKA_1_PORT: port, STREAMLAB_KAFKA_2_PORT: second, STREAMLAB_KAFKA_3_PORT: third },
    address: [port, second, third].map((one) => `127.0.0.1:${one}`).join(","),
  };
}
