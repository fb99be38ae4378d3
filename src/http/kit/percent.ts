/** Percent-decodes exactly once, as UTF-8; undefined: a bad escape, or bytes that are no UTF-8. `+` stays. */
export function decodePercent(text: string): string | undefined {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** As forms have it: `+` is a space. */
export function decodeFormValue(text: string): string | undefined {
  return decodePercent(text.includes("+") ? text.replaceAll("+", " ") : text);
}

/** Pairs that a query may have; more are refused as malformed. */
export const QUERY_PAIRS_MAX = 1000;

/** The pairs of a query in their order, decoded once; undefined: a bad escape, or too many. */
export function parseQuery(
  query: string,
): ReadonlyArray<[name: string, value: string]> | undefined {
  if (query === "") return [];
  const parts = query.split("&", QUERY_PAIRS_MAX + 1);
  if (parts.length > QUERY_PAIRS_MAX) return undefined;
  const pairs: [string, string][] = [];
  for (const part of parts) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const name = decodeFormValue(equals < 0 ? part : part.slice(0, equals));
    const value = equals < 0 ? "" : decodeFormValue(part.slice(equals + 1));
    if (name === undefined || value === undefined) return undefined;
    pairs.push([name, value]);
  }
  return pairs;
}

/** Of names that are given twice, the first counts. Own properties only, whatever they are called. */
export function queryRecord(
  pairs: ReadonlyArray<readonly [string, string]>,
): Record<string, string> {
  const record: Record<string, string> = Object.create(null);
  for (const [name, value] of pairs) if (!(name in record)) record[name] = value;
  return record;
}
