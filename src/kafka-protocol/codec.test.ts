import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { apiTables } from "./apis.ts";
import { fetchApi } from "./messages/fetch.ts";
import { metadataApi } from "./messages/metadata.ts";
import { produceApi } from "./messages/produce.ts";
import { apiVersionsApi } from "./messages/api-versions.ts";
import { KafkaProtocolError } from "./protocol-error.ts";
import {
  decodeBody,
  decodeResponse,
  encodeBody,
  encodeRequest,
  encodeResponse,
  isFlexible,
  readRequest,
  readRequestHeader,
} from "./frame.ts";
import { createReader } from "./reader.ts";
import { resolveField, type Fields, type ResolvedField } from "./schema.ts";
import { joinPieces } from "./writer.ts";

const bytes = fc.uint8Array({ maxLength: 40 }).map((given) => Buffer.from(given));
const scalars: Record<string, fc.Arbitrary<unknown>> = {
  bool: fc.boolean(),
  int8: fc.integer({ min: -128, max: 127 }),
  int16: fc.integer({ min: -32768, max: 32767 }),
  uint16: fc.integer({ min: 0, max: 65535 }),
  int32: fc.integer(),
  uint32: fc.integer({ min: 0, max: 0xffffffff }),
  int64: fc.maxSafeInteger(),
  float64: fc.double({ noNaN: true }),
  string: fc.string({ unit: "grapheme", maxLength: 20 }),
  uuid: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((given) => Buffer.from(given).toString("base64url")),
  bytes,
  records: bytes,
};

function fieldArbitrary(field: ResolvedField, version: number, flexible: boolean): fc.Arbitrary<unknown> {
  if (!field.present || (field.tag !== null && !flexible)) {
    return fc.constant(field.fallback === undefined ? {} : field.fallback);
  }
  const one = field.fields ? messageArbitrary(field.fields, version, flexible) : (scalars[field.scalar ?? ""] as fc.Arbitrary<unknown>);
  const whole = field.isArray ? fc.array(one, { maxLength: 3 }) : one;
  return field.nullable ? fc.option(whole, { nil: null }) : whole;
}

function messageArbitrary(fields: Fields, version: number, flexible: boolean): fc.Arbitrary<Record<string, unknown>> {
  return fc.record(
    Object.fromEntries(
      Object.entries(fields).map(([name, spec]) => [name, fieldArbitrary(resolveField(name, spec, version), version, flexible)]),
    ),
    { noNullPrototype: true },
  );
}

const cases = apiTables.flatMap((api) => {
  const [min, max] = api.versions;
  return Array.from({ length: max - min + 1 }, (_, i) => ({ api, name: api.name, version: min + i }));
});

describe("every message of every table", () => {
  test.each(cases)("$name v$version reads as it was written", ({ api, version }) => {
    const flexible = isFlexible(api, version);
    for (const side of ["request", "response"] as const) {
      fc.assert(
        fc.property(messageArbitrary(api[side], version, flexible), (message) => {
          const written = encodeBody(api, side, version, message as never);
          expect(decodeBody(api, side, version, written)).toEqual(message);
        }),
        { numRuns: 12 },
      );
    }
  });

  test.each(cases)("$name v$version: a message cut anywhere is refused, never read beyond", ({ api, version }) => {
    const [message] = fc.sample(messageArbitrary(api.request, version, isFlexible(api, version)), { numRuns: 1, seed: 7 });
    const written = encodeBody(api, "request", version, message as never);
    for (let length = 0; length < written.length; length++) {
      expect(() => decodeBody(api, "request", version, Buffer.from(written.subarray(0, length)))).toThrow(KafkaProtocolError);
    }
  });
});

describe("known bytes", () => {
  test("an ApiVersions v0 request is header v1 alone", () => {
    const frame = joinPieces(encodeRequest(apiVersionsApi, 0, { correlationId: 7, clientId: "kcat" }, {}));
    expect(frame.toString("hex")).toBe("0000000e" + "0012" + "0000" + "00000007" + "0004" + "6b636174");
  });

  test("an ApiVersions v3 request has header v2 with a client id that is not compact, and compact texts", () => {
    const body = { clientSoftwareName: "lib", clientSoftwareVersion: "2.0" };
    const frame = joinPieces(encodeRequest(apiVersionsApi, 3, { correlationId: 1, clientId: "c" }, body));
    expect(frame.toString("hex")).toBe("00000015" + "0012" + "0003" + "00000001" + "000163" + "00" + "046c6962" + "04322e30" + "00");
  });

  test("the response header of ApiVersions is never flexible, that of Metadata v9 is", () => {
    const apiVersions = joinPieces(encodeResponse(apiVersionsApi, 3, 9, { errorCode: 0, apiKeys: [] }));
    expect(apiVersions.toString("hex")).toBe("0000000c" + "00000009" + "0000" + "01" + "00000000" + "00");
    const metadata = joinPieces(encodeResponse(metadataApi, 9, 9, { brokers: [], topics: [] }));
    expect(metadata.subarray(4, 10).toString("hex")).toBe("00000009" + "00" + "00");
  });

  test("a Metadata v1 request for one topic", () => {
    const frame = joinPieces(encodeRequest(metadataApi, 1, { correlationId: 2, clientId: null }, { topics: [{ name: "t" }] }));
    expect(frame.toString("hex")).toBe("00000011" + "0003" + "0001" + "00000002" + "ffff" + "00000001" + "000174");
  });
});

describe("rules of the codec", () => {
  test("a field that the version lacks reads as its default", () => {
    const body = decodeBody(metadataApi, "request", 1, encodeBody(metadataApi, "request", 1, { topics: null }));
    expect(body).toMatchObject({ topics: null, allowAutoTopicCreation: true, includeTopicAuthorizedOperations: false });
  });

  test("unknown tagged fields are stepped over", () => {
    const known = encodeBody(apiVersionsApi, "response", 3, { errorCode: 0, apiKeys: [] });
    const withUnknown = Buffer.concat([known.subarray(0, -1), Buffer.from([1, 99, 3, 1, 2, 3])]);
    expect(decodeBody(apiVersionsApi, "response", 3, withUnknown)).toMatchObject({ errorCode: 0, finalizedFeaturesEpoch: -1 });
  });

  test("null where a version has no null is refused both ways", () => {
    expect(() => encodeBody(metadataApi, "request", 0, { topics: null })).toThrow(/null/);
    expect(() => decodeBody(metadataApi, "request", 0, Buffer.from("ffffffff", "hex"))).toThrow(KafkaProtocolError);
  });

  test("a list that claims more entries than bytes are left is refused before anything is stored", () => {
    expect(() => decodeBody(metadataApi, "request", 1, Buffer.from("7fffffff", "hex"))).toThrow(/list of 2147483647/);
  });

  test("record bytes reach the frame without a copy, and in several pieces where several are given", () => {
    const records = [Buffer.alloc(5000, 1), Buffer.alloc(3000, 2)];
    const partition = { partitionIndex: 0, errorCode: 0, highWatermark: 9, records, abortedTransactions: null };
    const pieces = encodeResponse(fetchApi, 11, 1, { throttleTimeMs: 0, responses: [{ topic: "t", partitions: [partition] }] });
    expect(pieces).toContain(records[0]);
    expect(pieces).toContain(records[1]);
    const frame = joinPieces(pieces);
    expect(frame.readInt32BE(0)).toBe(frame.length - 4);
    const { body } = decodeResponse(fetchApi, 11, frame.subarray(4));
    expect(body.responses[0]?.partitions[0]?.records).toEqual(Buffer.concat(records));
  });

  test("a request reads back with its header", () => {
    const topicData = [{ name: "t", partitionData: [{ index: 1, records: Buffer.from("x") }] }];
    const frame = joinPieces(encodeRequest(produceApi, 9, { correlationId: 5, clientId: "me" }, { acks: -1, timeoutMs: 10, topicData }));
    const reader = createReader(frame.subarray(4));
    expect(readRequestHeader(reader)).toEqual({ apiKey: 0, apiVersion: 9, correlationId: 5 });
    expect(readRequest(produceApi, 9, reader)).toMatchObject({ clientId: "me", body: { acks: -1, timeoutMs: 10, topicData } });
  });

  test("Java's Long.MAX_VALUE is written as such", () => {
    const body = encodeBody(produceApi, "response", 3, {
      responses: [{ name: "", partitionResponses: [{ index: 0, errorCode: 0, baseOffset: 2 ** 63 }] }],
    });
    expect(body.includes(Buffer.from("7fffffffffffffff", "hex"))).toBe(true);
  });
});
