import { encodeRequest } from "../../../src/kafka-protocol/frame.ts";
import { apiTables } from "../../../src/kafka-protocol/apis.ts";
import { apiVersionsApi } from "../../../src/kafka-protocol/messages/api-versions.ts";
import { metadataApi } from "../../../src/kafka-protocol/messages/metadata.ts";
import { frames, java, raw, type Theme } from "../harness/step.ts";
import type { Place } from "../harness/place.ts";

const NAMED = { clientSoftwareName: "conformance", clientSoftwareVersion: "1.0" };

/** The error alone: which versions are served is a table of its own. */
const errorOnly = (answer: unknown): unknown =>
  answer === "closed"
    ? answer
    : { errorCode: (answer as { errorCode: number }).errorCode, hasKeys: (answer as { apiKeys: unknown[] }).apiKeys.length > 0 };

/** Sends a frame of a header and some bytes on a connection of its own. */
async function sent(place: Place, key: number, version: number, body: Buffer): Promise<string> {
  const header = Buffer.alloc(12);
  header.writeInt16BE(key, 0);
  header.writeInt16BE(version, 2);
  header.writeInt32BE(5, 4);
  header.writeInt16BE(-1, 8);
  const message = Buffer.concat([header.subarray(0, 10), body]);
  const size = Buffer.alloc(4);
  size.writeInt32BE(message.length);
  const client = await place.connect();
  try {
    const answer = await client.askBytes(Buffer.concat([size, message]));
    return answer === "closed" ? answer : answer.toString("hex").slice(0, 24);
  } finally {
    client.close();
  }
}

/** Which versions there are, and what happens beyond them. */
export const versionsTheme: Theme = {
  name: "versions",
  title: "ApiVersions and versions that are not served",
  steps: [
    ...frames(
      apiVersionsApi,
      { title: "no error", shown: errorOnly, body: () => NAMED },
      { title: "a name with blanks", from: 3, shown: errorOnly, body: () => ({ ...NAMED, clientSoftwareName: "a b" }) },
      { title: "no name", from: 3, shown: errorOnly, body: () => ({ ...NAMED, clientSoftwareName: "" }) },
      { title: "a version that ends in a point", from: 3, shown: errorOnly, body: () => ({ ...NAMED, clientSoftwareVersion: "1." }) },
    ),
    raw("ApiVersions of an unknown version: error 35 in version 0", async (place) => {
      const client = await place.connect();
      try {
        const frame = Buffer.concat(encodeRequest(apiVersionsApi, 3, { correlationId: 3, clientId: "conformance-raw" }, NAMED));
        frame.writeInt16BE(99, 6);
        const answer = await client.askBytes(frame);
        return answer === "closed"
          ? answer
          : { correlationId: answer.readInt32BE(0), error: answer.readInt16BE(4), keys: answer.readInt32BE(6) };
      } finally {
        client.close();
      }
    }),
    raw("the connection goes on after that", async (place) => {
      const client = await place.connect();
      try {
        const frame = Buffer.concat(encodeRequest(apiVersionsApi, 3, { correlationId: 3, clientId: "conformance-raw" }, NAMED));
        frame.writeInt16BE(99, 6);
        await client.askBytes(frame);
        return errorOnly(await client.ask(apiVersionsApi, 0, NAMED));
      } finally {
        client.close();
      }
    }),
    raw("the range of ApiVersions itself is in the answer to an unknown version", async (place) => {
      const client = await place.connect();
      try {
        const frame = Buffer.concat(encodeRequest(apiVersionsApi, 3, { correlationId: 3, clientId: "conformance-raw" }, NAMED));
        frame.writeInt16BE(99, 6);
        const answer = await client.askBytes(frame);
        if (answer === "closed") return answer;
        const found: number[][] = [];
        for (let at = 10; at + 6 <= answer.length; at += 6)
          if (answer.readInt16BE(at) === 18) found.push([answer.readInt16BE(at + 2), answer.readInt16BE(at + 4)]);
        return found;
      } finally {
        client.close();
      }
    }),
    ...apiTables
      .filter(({ key }) => key !== apiVersionsApi.key)
      .map(({ key, name }) => raw(`${name} of version 99 ends the connection`, async (place) => sent(place, key, 99, Buffer.alloc(40)))),
    raw("an API that nobody knows ends the connection", async (place) => sent(place, 9999, 0, Buffer.alloc(40))),
    raw("a negative API key ends the connection", async (place) => sent(place, -5, 0, Buffer.alloc(40))),
    raw("a request that is too short ends the connection", async (place) => sent(place, metadataApi.key, 5, Buffer.from([0, 0]))),
    raw("a list longer than its request ends the connection", async (place) =>
      sent(place, metadataApi.key, 5, Buffer.from([0x7f, 0xff, 0xff, 0xff, 1])),
    ),
    raw("bytes behind the request are an error", async (place) => {
      const client = await place.connect();
      try {
        const frame = Buffer.concat([
          ...encodeRequest(metadataApi, 1, { correlationId: 3, clientId: "conformance-raw" }, { topics: [] }),
          Buffer.from("more"),
        ]);
        frame.writeInt32BE(frame.length - 4);
        const answer = await client.askBytes(frame);
        return answer === "closed" ? answer : "answered";
      } finally {
        client.close();
      }
    }),
    raw("answers come in the order of the requests", async (place) => {
      const client = await place.connect();
      try {
        const answers = await Promise.all([
          client.ask(apiVersionsApi, 0, NAMED),
          client.ask(metadataApi, 5, { topics: [], allowAutoTopicCreation: false }),
          client.ask(apiVersionsApi, 2, NAMED),
        ]);
        return answers.map((answer) => (answer === "closed" ? answer : Object.keys(answer).sort()));
      } finally {
        client.close();
      }
    }),
    java("kafka-broker-api-versions runs", async (place) => {
      const { exit, out, err } = await place.java("BrokerApiVersionsCommand", ["--bootstrap-server", "@"]);
      const [first = ""] = out.split("\n");
      return { exit, first: first.replace(/\(id: .*/, ""), err, produce: /Produce\(0\): \d+ to \d+/.test(out) };
    }),
  ],
};
