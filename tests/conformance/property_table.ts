import { toHex } from "./notation.ts";

type PropertyForm = "byte" | "twoBytes" | "fourBytes" | "varint" | "data" | "pair";

/** Every property of MQTT 5.0 and how its value is written; the runner's own, not the broker's. */
const PROPERTY_FORMS: ReadonlyMap<number, PropertyForm> = new Map([
  ...[0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2a].map((id) => [id, "byte"] as const),
  ...[0x13, 0x21, 0x22, 0x23].map((id) => [id, "twoBytes"] as const),
  ...[0x02, 0x11, 0x18, 0x27].map((id) => [id, "fourBytes"] as const),
  ...[0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1a, 0x1c, 0x1f].map((id) => [id, "data"] as const),
  [0x0b, "varint"],
  [0x26, "pair"],
]);

/** Cuts an encoded property block into single properties, identifier byte included. */
export function splitProperties(block: Uint8Array): Uint8Array[] {
  const properties: Uint8Array[] = [];
  let start = 0;
  while (start < block.length) {
    const end = endOfProperty(block, start);
    if (end > block.length) throw new Error(`Cannot split properties: cut short, ${toHex(block)}`);
    properties.push(block.subarray(start, end));
    start = end;
  }
  return properties;
}

function endOfProperty(block: Uint8Array, start: number): number {
  const form = PROPERTY_FORMS.get(block[start] ?? -1);
  const at = start + 1;
  switch (form) {
    case "byte":
      return at + 1;
    case "twoBytes":
      return at + 2;
    case "fourBytes":
      return at + 4;
    case "data":
      return endOfData(block, at);
    case "pair":
      return endOfData(block, endOfData(block, at));
    case "varint": {
      let end = at;
      while ((block[end] ?? 0) > 0x7f) end++;
      return end + 1;
    }
    case undefined:
      throw new Error(`Cannot split properties: unknown property at ${start}, ${toHex(block)}`);
  }
}

function endOfData(block: Uint8Array, at: number): number {
  return at + 2 + (block[at] ?? 0) * 256 + (block[at + 1] ?? 0);
}
