import { type Captures, type Element, type GroupForm, toHex } from "./notation.ts";
import { splitProperties } from "./property_table.ts";

/** A frame that is not what the case expects; the message says where the two part. */
export class Mismatch extends Error {}

/**
 * Compares a whole frame with a pattern and throws Mismatch where they part.
 *
 * Captures are only added when everything matched. A name that was captured before must match again.
 */
export function matchFrame(
  elements: readonly Element[],
  frame: Uint8Array,
  captures: Captures,
): void {
  const found: Captures = new Map(captures);
  matchAll(elements, frame, 0, found);
  for (const [name, bytes] of found) captures.set(name, bytes);
}

/** Matches `elements` to `bytes` from `start` to the end, exactly. */
function matchAll(
  elements: readonly Element[],
  bytes: Uint8Array,
  start: number,
  captures: Captures,
): void {
  let at = start;
  for (const element of elements) at = matchOne(element, bytes, at, captures);
  if (at !== bytes.length) {
    throw new Mismatch(`unexpected bytes from ${at} on: ${toHex(bytes.subarray(at))}`);
  }
}

function matchOne(element: Element, bytes: Uint8Array, at: number, captures: Captures): number {
  switch (element.kind) {
    case "separator":
      return at;
    case "rest":
      return bytes.length;
    case "bytes":
      return matchBytes(element.bytes, bytes, at);
    case "anyByte":
      take(bytes, at, 1);
      return at + 1;
    case "oneOf": {
      const [byte = -1] = take(bytes, at, 1);
      if (!element.values.includes(byte)) {
        const allowed = element.values.map((value) => value.toString(16)).join(" or ");
        throw new Mismatch(`byte ${at} is ${byte.toString(16)}, not ${allowed}`);
      }
      return at + 1;
    }
    case "range": {
      const value = BigInt(`0x${toHex(take(bytes, at, element.size)).replaceAll(" ", "")}`);
      if (value < element.low || value > element.high) {
        throw new Mismatch(`number at ${at} is ${value}, not ${element.low} to ${element.high}`);
      }
      return at + element.size;
    }
    case "packetId": {
      const id = take(bytes, at, 2);
      if (id[0] === 0 && id[1] === 0) throw new Mismatch(`packet identifier at ${at} is zero`);
      capture(element.name, id, at, captures);
      return at + 2;
    }
    case "capture":
      capture(element.name, bytes.subarray(at), at, captures);
      return bytes.length;
    case "group":
      return matchGroup(element.form, element.children, bytes, at, captures);
  }
}

function matchBytes(expected: Uint8Array, bytes: Uint8Array, at: number): number {
  for (const [index, value] of expected.entries()) {
    const byte = bytes[at + index];
    if (byte !== value) {
      const found = byte === undefined ? "missing" : byte.toString(16).padStart(2, "0");
      throw new Mismatch(
        `byte ${at + index} is ${found}, not ${value.toString(16).padStart(2, "0")}`,
      );
    }
  }
  return at + expected.length;
}

function capture(name: string, bytes: Uint8Array, at: number, captures: Captures): void {
  const earlier = captures.get(name);
  if (earlier === undefined) captures.set(name, bytes.slice());
  else if (toHex(earlier) !== toHex(bytes)) {
    throw new Mismatch(`${name} at ${at} is ${toHex(bytes)}, not ${toHex(earlier)} as before`);
  }
}

function matchGroup(
  form: GroupForm,
  children: readonly Element[],
  bytes: Uint8Array,
  at: number,
  captures: Captures,
): number {
  const [length, start] = readLength(form, bytes, at);
  const body = take(bytes, start, length);
  try {
    if (form === "properties") matchProperties(children, body, captures);
    else matchAll(children, body, 0, captures);
  } catch (error) {
    if (error instanceof Mismatch) {
      throw new Mismatch(`in ${form} group at ${at}: ${error.message}`);
    }
    throw error;
  }
  return start + length;
}

function readLength(form: GroupForm, bytes: Uint8Array, at: number): [number, number] {
  if (form === "short") {
    const [high = 0, low = 0] = take(bytes, at, 2);
    return [high * 256 + low, at + 2];
  }
  let value = 0;
  for (let count = 0; count < 4; count++) {
    const [byte = 0] = take(bytes, at + count, 1);
    value += (byte & 0x7f) * 128 ** count;
    if (byte < 0x80) {
      if (byte === 0 && count > 0) throw new Mismatch(`length at ${at} is not minimal`);
      return [value, at + count + 1];
    }
  }
  throw new Mismatch(`length at ${at} is longer than four bytes`);
}

/** Properties are a set: any order will do, except that user properties keep theirs. */
function matchProperties(
  children: readonly Element[],
  body: Uint8Array,
  captures: Captures,
): void {
  const open = children.at(-1)?.kind === "rest";
  const expected = split(open ? children.slice(0, -1) : children);
  const actual = splitProperties(body);
  const used = new Set<number>();
  let lastUserProperty = -1;
  for (const pattern of expected) {
    const at = actual.findIndex((property, index) =>
      !used.has(index) && (property[0] !== 0x26 || index > lastUserProperty) &&
      matches(pattern, property, captures)
    );
    if (at < 0) throw new Mismatch(`no property like ${describe(pattern)} in ${toHex(body)}`);
    used.add(at);
    if (actual[at]?.[0] === 0x26) lastUserProperty = at;
  }
  const extra = actual.filter((_, index) => !used.has(index)).map(toHex);
  if (extra.length > 0 && !open) throw new Mismatch(`unexpected properties: ${extra.join(" | ")}`);
}

function split(children: readonly Element[]): Element[][] {
  const parts: Element[][] = [[]];
  for (const child of children) {
    if (child.kind === "separator") parts.push([]);
    else parts.at(-1)?.push(child);
  }
  return parts.filter((part) => part.length > 0);
}

function matches(pattern: readonly Element[], property: Uint8Array, captures: Captures): boolean {
  try {
    matchFrame(pattern, property, captures);
    return true;
  } catch (error) {
    if (error instanceof Mismatch) return false;
    throw error;
  }
}

function describe(pattern: readonly Element[]): string {
  return pattern.map((element) => element.kind === "bytes" ? toHex(element.bytes) : element.kind)
    .join(" ");
}

function take(bytes: Uint8Array, at: number, length: number): Uint8Array {
  if (at + length > bytes.length) {
    throw new Mismatch(`${length} bytes wanted at ${at}, but there are only ${bytes.length}`);
  }
  return bytes.subarray(at, at + length);
}
