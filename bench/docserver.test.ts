import { expect, test } from "vitest";
import { metricDocument, metricFilter } from "./docserver-documents.ts";
import { parseDocserverOptions } from "./docserver.ts";

test("every document has an identity and an index entry of its own; another version only has other values", () => {
  const documents = Array.from({ length: 1000 }, (_, i) => metricDocument(i, 0));
  expect(new Set(documents.map(({ _id }) => _id)).size).toBe(1000);
  expect(new Set(documents.map((_, i) => JSON.stringify(metricFilter(i)))).size).toBe(1000);
  for (const [i, { _id, window, sensor_type, location }] of documents.entries()) {
    expect(metricFilter(i)).toEqual({ sensor_type, location, "window.start": window.start });
    const later = metricDocument(i, 1);
    expect(later).toMatchObject({ _id, window, sensor_type, location, message_count: 2 });
    expect(later.avg_value).not.toBe(documents[i]?.avg_value);
  }
});

test("docserver takes its options", () => {
  expect(parseDocserverOptions(["--documents", "500", "--mongo", "mongodb://127.0.0.1:1"])).toMatchObject({
    documents: 500,
    bulk: 1000,
    mongo: "mongodb://127.0.0.1:1",
  });
  expect(() => parseDocserverOptions(["--bulk", "0"])).toThrow("--bulk 0");
  expect(parseDocserverOptions(["--help"])).toBeUndefined();
});
