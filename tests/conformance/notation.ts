/** One part of a byte pattern. Cases write them in the notation that README.md explains. */
export type Element =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "anyByte" }
  | { readonly kind: "oneOf"; readonly values: readonly number[] }
  | { readonly kind: "range"; readonly low: bigint; readonly high: bigint; readonly size: number }
  | { readonly kind: "rest" }
  | { readonly kind: "separator" }
  | { readonly kind: "packetId"; readonly name: string }
  | { readonly kind: "capture"; readonly name: string }
  | { readonly kind: "group"; readonly form: GroupForm; readonly children: readonly Element[] };

/** `[ ]`: two-byte length. `{ }`: variable byte integer. `< >`: the same, and a set of properties. */
export type GroupForm = "short" | "length" | "properties";

/** What stands for `%` and `&` in quoted text. */
export interface Names {
  /** Unique to this run of this case, so that cases cannot meet in client ids or topics. */
  readonly token: string;
  /** The letter of the connection whose step this is. */
  readonly connection: string;
}

const TOKEN = new RegExp(
  [
    /\s+/, // space between tokens
    /\([^)]*\)/, // comment
    /s?'[^']*'/, // text, with its length when it begins with s
    /\.\.\./, // anything up to the end of the group
    /\?\?/, // any one byte
    /[0-9A-Fa-f]{2,}\.\.[0-9A-Fa-f]{2,}/, // a number between two
    /[0-9A-Fa-f]{2}(?:\/[0-9A-Fa-f]{2})+/, // one byte out of several
    /(?:[0-9A-Fa-f]{2})+/,
    /#[a-z]\w*/, // packet identifier
    /\?[a-z]\w*/, // the rest of the group, remembered
    /\*\d+/, // the element before, so many times
    /[{}<>[\]|]/,
  ].map((part) => part.source).join("|"),
  "y",
);

const OPENING: Readonly<Record<string, GroupForm>> = {
  "[": "short",
  "{": "length",
  "<": "properties",
};
const CLOSING: Readonly<Record<GroupForm, string>> = { short: "]", length: "}", properties: ">" };

/** Reads a pattern. Throws with the position when `text` is not in the notation. */
export function parseNotation(text: string, names: Names): Element[] {
  const tokens = tokenise(text);
  const [elements, end] = parseElements(tokens, 0, undefined, names);
  if (end !== tokens.length) {
    throw new Error(`Cannot read "${text}": "${tokens[end]}" closes nothing`);
  }
  return elements;
}

function tokenise(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const token = TOKEN.exec(text)?.[0];
    if (token === undefined) throw new Error(`Cannot read "${text}" at "${text.slice(at)}"`);
    if (!/^[\s(]/.test(token)) tokens.push(token);
  }
  return tokens;
}

function parseElements(
  tokens: readonly string[],
  start: number,
  form: GroupForm | undefined,
  names: Names,
): [Element[], number] {
  const elements: Element[] = [];
  for (let at = start; at < tokens.length; at++) {
    const token = tokens[at]!;
    if (form !== undefined && token === CLOSING[form]) return [elements, at + 1];
    if (/^[}\]>]$/.test(token)) return [elements, at];
    const opened = OPENING[token];
    if (opened !== undefined) {
      const [children, end] = parseElements(tokens, at + 1, opened, names);
      if (tokens[end - 1] !== CLOSING[opened]) throw new Error(`Cannot find the end of "${token}"`);
      elements.push({ kind: "group", form: opened, children });
      at = end - 1;
    } else if (token.startsWith("*")) {
      const repeated = elements.pop();
      if (repeated === undefined) throw new Error(`Cannot repeat: nothing before "${token}"`);
      elements.push(...repeat(repeated, Number(token.slice(1))));
    } else {
      elements.push(toElement(token, names));
    }
  }
  if (form !== undefined) throw new Error(`Cannot find "${CLOSING[form]}"`);
  return [elements, tokens.length];
}

function toElement(token: string, names: Names): Element {
  if (token === "...") return { kind: "rest" };
  if (token === "|") return { kind: "separator" };
  if (token === "??") return { kind: "anyByte" };
  if (token.startsWith("#")) return { kind: "packetId", name: token };
  if (token.startsWith("?")) return { kind: "capture", name: token };
  if (token.startsWith("s'")) {
    const bytes = quoted(token.slice(1), names);
    return { kind: "group", form: "short", children: [{ kind: "bytes", bytes }] };
  }
  if (token.startsWith("'")) return { kind: "bytes", bytes: quoted(token, names) };
  if (token.includes("..")) {
    const [low = "", high = ""] = token.split("..");
    if (low.length !== high.length) throw new Error(`Cannot compare "${token}": lengths differ`);
    const size = low.length / 2;
    return { kind: "range", low: BigInt(`0x${low}`), high: BigInt(`0x${high}`), size };
  }
  if (token.includes("/")) {
    return { kind: "oneOf", values: token.split("/").map((value) => parseInt(value, 16)) };
  }
  return { kind: "bytes", bytes: fromHex(token) };
}

function quoted(token: string, names: Names): Uint8Array {
  const text = token.slice(1, -1).replaceAll("%", names.token).replaceAll("&", names.connection);
  return new TextEncoder().encode(text);
}

function repeat(element: Element, times: number): Element[] {
  if (element.kind !== "bytes") return Array.from({ length: times }, () => element);
  const bytes = new Uint8Array(element.bytes.length * times);
  for (let i = 0; i < times; i++) bytes.set(element.bytes, i * element.bytes.length);
  return [{ kind: "bytes", bytes }];
}

/** What the steps of one case have remembered so far: `#packetId` and `?capture` to their bytes. */
export type Captures = Map<string, Uint8Array>;

/** The bytes that a pattern without wildcards stands for. */
export function encodeElements(elements: readonly Element[], captures: Captures): Uint8Array {
  return concatenate(elements.map((element) => encodeElement(element, captures)));
}

function encodeElement(element: Element, captures: Captures): Uint8Array {
  switch (element.kind) {
    case "bytes":
      return element.bytes;
    case "separator":
      return new Uint8Array(0);
    case "group": {
      const body = encodeElements(element.children, captures);
      return concatenate([lengthPrefix(element.form, body.length), body]);
    }
    case "packetId":
    case "capture": {
      const bytes = captures.get(element.name);
      if (bytes === undefined) {
        throw new Error(`Cannot send "${element.name}": nothing captured yet`);
      }
      return bytes;
    }
    case "anyByte":
    case "oneOf":
    case "range":
    case "rest":
      throw new Error(`Cannot send a wildcard of kind "${element.kind}"`);
  }
}

function lengthPrefix(form: GroupForm, length: number): Uint8Array {
  if (form === "short") return Uint8Array.of(length >>> 8, length);
  const prefix: number[] = [];
  do {
    prefix.push((length & 0x7f) | (length > 0x7f ? 0x80 : 0));
    length >>>= 7;
  } while (length > 0);
  return Uint8Array.from(prefix);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Bytes of an even number of hex digits. */
export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** Hex digits in pairs, the way in which differences are printed. */
export function toHex(bytes: Uint8Array): string {
  const shown = Array.from(bytes.subarray(0, 200), (byte) => byte.toString(16).padStart(2, "0"));
  return shown.join(" ") + (bytes.length > 200 ? ` … (${bytes.length} bytes)` : "");
}
