const MAX_NAME = 249;

/** Why a topic may not bear a name (Kafka's `Topic.validate`, and its words), or undefined where it may. */
export function topicNameFault(name: string): string | undefined {
  if (name === "") return "Topic name is invalid: the empty string is not allowed";
  if (name === "." || name === "..") return `Topic name is invalid: '${name}' is not allowed`;
  if (name.length > MAX_NAME) return `Topic name is invalid: the length of '${name}' is longer than the max allowed length ${MAX_NAME}`;
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) {
    return `Topic name is invalid: '${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`;
  }
  return undefined;
}

/** Kafka refuses topics that differ only in '.' and '_', because its metrics cannot tell them apart. */
export const collisionKey = (name: string): string => name.replaceAll(".", "_");
