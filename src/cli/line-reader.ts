import { KafkaError } from "../kafka/kafka-error.ts";

/** A message that a line stands for. */
export type LineMessage = {
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [name: string, value: string | null])[];
};

type Properties = Readonly<Record<string, string>>;

const KNOWN: readonly string[] = [
  "parse.key",
  "key.separator",
  "parse.headers",
  "headers.delimiter",
  "headers.separator",
  "headers.key.separator",
  "ignore.error",
  "null.marker",
];

/**
 * Reads lines as kafka-console-producer's line reader does: with parse.headers and parse.key a line is `name:value,name:value<TAB>key<TAB>value`;
 * the separators are settings of their own. What equals null.marker is null. With ignore.error a line without a separator is all value.
 * @throws KafkaError KAFKA_OPTION for a property that there is not, or separators that contradict each other
 */
export function createLineReader(properties: Properties): (line: string, number: number) => LineMessage {
  const unknown = Object.keys(properties).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) throw badReader(`the property ${unknown}`, `There are ${KNOWN.join(", ")}.`);
  const isOn = (name: string): boolean => (properties[name] ?? "false").trim().toLowerCase() === "true";
  const separator = (name: string, byDefault: string): string => unescaped(properties[name] ?? byDefault);
  const [parsesKey, parsesHeaders, ignoresErrors] = [isOn("parse.key"), isOn("parse.headers"), isOn("ignore.error")];
  const keySeparator = separator("key.separator", "\t");
  const headersDelimiter = separator("headers.delimiter", "\t");
  const headersSeparator = separator("headers.separator", ",");
  const headersKeySeparator = separator("headers.key.separator", ":");
  const nullMarker = properties["null.marker"];
  if (parsesHeaders && headersDelimiter === headersSeparator)
    throw badReader("headers.delimiter and headers.separator are the same", "Choose two.");
  if (parsesHeaders && headersSeparator === headersKeySeparator)
    throw badReader("headers.separator and headers.key.separator are the same", "Choose two.");
  if ([nullMarker, ""].some((one) => [keySeparator, headersDelimiter, headersSeparator, headersKeySeparator].includes(one ?? "\u0000")))
    throw badReader("a separator is empty, or the same as null.marker", "Choose others.");
  const orNull = (text: string): string | null => (text === nullMarker ? null : text);

  const cut = (
    line: string,
    from: number,
    at: string,
    what: string,
    number: number,
  ): { readonly text: string | undefined; readonly next: number } => {
    const end = line.indexOf(at, from);
    if (end >= 0) return { text: line.slice(from, end), next: end + at.length };
    if (ignoresErrors) return { text: undefined, next: from };
    throw new KafkaError("KAFKA_OPTION", {
      failed: `Cannot send line ${number}`,
      found: `no ${what} ${JSON.stringify(at)} in ${JSON.stringify(line.slice(0, 60))}`,
      remedy: "Put the separator between key and value, or name yours, as in --property key.separator=:",
    });
  };
  const headersOf = (text: string | undefined, number: number): LineMessage["headers"] => {
    if (text === undefined || text === nullMarker || text === "") return [];
    return text.split(headersSeparator).map((pair) => {
      const at = pair.indexOf(headersKeySeparator);
      if (at < 0 && !ignoresErrors) return cut(pair, 0, headersKeySeparator, "separator of a header's name", number) as never;
      const name = at < 0 ? pair : pair.slice(0, at);
      if (name === nullMarker) throw badReader(`line ${number} has a header whose name is the null marker`, "A header needs a name.");
      return [name, at < 0 ? null : orNull(pair.slice(at + headersKeySeparator.length))] as const;
    });
  };
  return (line, number) => {
    const headers = parsesHeaders ? cut(line, 0, headersDelimiter, "delimiter of headers", number) : { text: undefined, next: 0 };
    const key = parsesKey ? cut(line, headers.next, keySeparator, "key separator", number) : { text: undefined, next: headers.next };
    return {
      headers: headersOf(headers.text, number),
      key: key.text === undefined ? null : orNull(key.text),
      value: orNull(line.slice(key.next)),
    };
  };
}

/** A shell hands `\t` over as two characters; people mean a tab. */
function unescaped(text: string): string {
  return text.replaceAll("\\t", "\t").replaceAll("\\n", "\n");
}

function badReader(found: string, remedy: string): KafkaError {
  return new KafkaError("KAFKA_OPTION", { failed: "Cannot read lines as messages", found, remedy });
}
