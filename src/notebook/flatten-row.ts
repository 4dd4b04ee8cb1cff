/** A row whose nested objects are spread into columns with dots (`window.start`); lists, dates and bytes stay one value. */
export function flattenRow(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const flat: [string, unknown][] = [];
  const visit = (prefix: string, nested: Readonly<Record<string, unknown>>): void => {
    for (const [name, value] of Object.entries(nested)) {
      if (isPlain(value)) visit(`${prefix}${name}.`, value);
      else flat.push([prefix + name, value]);
    }
  };
  visit("", row);
  return Object.fromEntries(flat);
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && Object.keys(value).length > 0;
}
