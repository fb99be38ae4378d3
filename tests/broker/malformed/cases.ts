/** Packets that break the protocol, made systematically from whole ones: written apart from the codec. */

/** Something to send, in words for a failure. */
export interface MalformedCase {
  readonly what: string;
  readonly bytes: Uint8Array;
  /** What the connection has agreed on before; undefined: the bytes are the first of the connection. */
  readonly version: 4 | 5 | undefined;
}

const VERSIONS = [4, 5] as const;
type Version = typeof VERSIONS[number];

const utf8 = new TextEncoder();
const u16 = (value: number): number[] => [value >> 8 & 255, value & 255];
const u32 = (value: number): number[] => [...u16(Math.floor(value / 65_536)), ...u16(value)];
const bin = (bytes: readonly number[]): number[] => [...u16(bytes.length), ...bytes];
const str = (text: string): number[] => bin([...utf8.encode(text)]);
const varint = (value: number): number[] =>
  value < 128 ? [value] : [value % 128 + 128, ...varint(Math.floor(value / 128))];

/** Every property of 5.0, with a value that is fine. */
const PROPERTIES: ReadonlyArray<readonly number[]> = [
  ...[0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2a].map((id) => [id, 1]),
  ...[0x13, 0x21, 0x22, 0x23].map((id) => [id, ...u16(10)]),
  ...[0x02, 0x11, 0x18, 0x27].map((id) => [id, ...u32(60)]),
  ...[0x03, 0x08, 0x12, 0x15, 0x1a, 0x1c, 0x1f].map((id) => [id, ...str("text")]),
  ...[0x09, 0x16].map((id) => [id, ...bin([0, 255])]),
  [0x0b, 5],
  [0x26, ...str("name"), ...str("value")],
];
/** Identifiers that no property has. */
const UNKNOWN_PROPERTIES = [[0x00, 1], [0x04, 1], [0x2b, 1], [0x80, 0x01, 1], [0xff, 0x7f, 1]];

interface Layout {
  readonly name: string;
  readonly first: number;
  /** The body with a property block; before 5.0 it is left out. */
  body(properties: readonly number[]): readonly number[];
}

const LAYOUTS: ReadonlyArray<(version: Version) => Layout> = [
  (version) => ({
    name: "CONNECT",
    first: 0x10,
    body: (properties) => [
      ...str("MQTT"),
      version,
      0b1100_1110,
      ...u16(60),
      ...properties,
      ...str("malformed"),
      ...(version === 5 ? [0] : []),
      ...str("will/topic"),
      ...bin([1, 2, 3]),
      ...str("user"),
      ...bin([4, 5, 6]),
    ],
  }),
  () => ({ name: "CONNACK", first: 0x20, body: (block) => [0, 0, ...block] }),
  ...[0, 1, 2].map((qos) => () => ({
    name: `PUBLISH of QoS ${qos}`,
    first: 0x30 | qos << 1,
    body: (block: readonly number[]) => [
      ...str("malformed/topic"),
      ...(qos === 0 ? [] : u16(7)),
      ...block,
      ...utf8.encode("payload"),
    ],
  })),
  ...[["PUBACK", 0x40], ["PUBREC", 0x50], ["PUBREL", 0x62], ["PUBCOMP", 0x70]].map(
    ([name, first]) => (version: Version) => ({
      name: name as string,
      first: first as number,
      body: (block: readonly number[]) => [...u16(7), ...(version === 5 ? [0, ...block] : [])],
    }),
  ),
  () => ({
    name: "SUBSCRIBE",
    first: 0x82,
    body: (block) => [...u16(8), ...block, ...str("a/+/b"), 1, ...str("$share/g/c"), 2],
  }),
  () => ({ name: "SUBACK", first: 0x90, body: (block) => [...u16(8), ...block, 0] }),
  () => ({
    name: "UNSUBSCRIBE",
    first: 0xa2,
    body: (block) => [...u16(9), ...block, ...str("a/+/b"), ...str("c")],
  }),
  () => ({ name: "UNSUBACK", first: 0xb0, body: (block) => [...u16(9), ...block, 0] }),
  () => ({ name: "PINGREQ", first: 0xc0, body: () => [] }),
  () => ({ name: "PINGRESP", first: 0xd0, body: () => [] }),
  (version) => ({
    name: "DISCONNECT",
    first: 0xe0,
    body: (block) => version === 5 ? [0, ...block] : [],
  }),
  (version) => ({
    name: "AUTH",
    first: 0xf0,
    body: (block) => version === 5 ? [0x18, ...block] : [],
  }),
];

/** All of them, before and after CONNECT, for 3.1.1 and 5.0; the same each time. */
export function malformedCases(): MalformedCase[] {
  const cases: MalformedCase[] = [];
  for (const version of VERSIONS) {
    for (const bytesOf of packetsOf(version)) {
      // CONNECT is what comes first, and everything else what comes later; both in the other's place, too.
      cases.push({ ...bytesOf, version: undefined }, { ...bytesOf, version });
    }
  }
  return cases;
}

function* packetsOf(version: Version): Generator<Omit<MalformedCase, "version">> {
  for (const layoutOf of LAYOUTS) {
    const layout = layoutOf(version);
    const name = `${layout.name} of ${version}`;
    const empty = version === 5 ? [0] : [];
    const body = [...layout.body(empty)];
    yield* truncated(name, layout.first, body);
    yield* flipped(name, layout.first, body);
    yield* lengths(name, layout.first, body);
    if (version === 5) yield* properties(name, layout);
  }
  for (let type = 0; type < 16; type++) {
    for (const length of [0, 1, 2, 5]) {
      yield {
        what: `type ${type} with ${length} bytes`,
        bytes: packet(type << 4, Array(length).fill(0)),
      };
    }
  }
}

/** Cut at every byte: the announced rest never comes, or the length says that there is none. */
function* truncated(
  name: string,
  first: number,
  body: readonly number[],
): Generator<Omit<MalformedCase, "version">> {
  const whole = packet(first, body);
  for (let length = 1; length < whole.length; length++) {
    yield { what: `${name} cut at ${length}`, bytes: whole.subarray(0, length) };
  }
  for (let length = 0; length < body.length; length++) {
    yield { what: `${name} with ${length} bytes`, bytes: packet(first, body.slice(0, length)) };
  }
  yield { what: `${name} with a byte more`, bytes: packet(first, [...body, 0]) };
}

/** Every bit of every byte is another: reserved ones, lengths, characters, options. */
function* flipped(
  name: string,
  first: number,
  body: readonly number[],
): Generator<Omit<MalformedCase, "version">> {
  for (let bit = 0; bit < 8; bit++) {
    yield { what: `${name}, first byte, bit ${bit}`, bytes: packet(first ^ 1 << bit, body) };
  }
  for (let at = 0; at < body.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const changed = [...body];
      changed[at] = (body[at] as number) ^ 1 << bit;
      yield { what: `${name}, byte ${at}, bit ${bit}`, bytes: packet(first, changed) };
    }
  }
}

/** Every number of two bytes one more and one less, which are all lengths and identifiers, and the first length. */
function* lengths(
  name: string,
  first: number,
  body: readonly number[],
): Generator<Omit<MalformedCase, "version">> {
  for (let at = 0; at + 1 < body.length; at++) {
    for (const by of [-1, 1]) {
      const value = ((body[at] as number) << 8 | (body[at + 1] as number)) + by;
      const changed = [...body.slice(0, at), ...u16(value & 0xffff), ...body.slice(at + 2)];
      yield { what: `${name}, number at ${at} by ${by}`, bytes: packet(first, changed) };
    }
  }
  const long = [0xff, 0xff, 0xff, 0xff, 0x01];
  const padded = [body.length % 128 | 0x80, 0x80 | body.length >> 7, 0x80, 0x80, 0];
  for (const length of [long, padded, padded.slice(0, 2).concat(0), [0xff, 0xff, 0xff, 0x7f]]) {
    yield { what: `${name} of length ${length}`, bytes: Uint8Array.of(first, ...length, ...body) };
  }
}

/** Every property in every packet: once, twice, cut, with a length that is wrong. */
function* properties(name: string, layout: Layout): Generator<Omit<MalformedCase, "version">> {
  for (const property of [...PROPERTIES, ...UNKNOWN_PROPERTIES]) {
    const what = `${name} with property ${property[0]}`;
    const blocks: readonly (readonly number[])[] = [
      [...varint(property.length), ...property],
      [...varint(property.length * 2), ...property, ...property],
      [...varint(property.length - 1), ...property],
      [...varint(property.length + 1), ...property],
      [...varint(property.length - 1), ...property.slice(0, -1)],
      [...varint(127), ...property],
      [0x80 | property.length, 0x80, 0x80, 0x80, 0x01, ...property],
    ];
    for (const [index, block] of blocks.entries()) {
      yield { what: `${what}, form ${index}`, bytes: packet(layout.first, layout.body(block)) };
    }
    for (const value of [0, 2, 255]) {
      const block = [...varint(property.length), property[0] as number, ...property.slice(1)];
      block[block.length - 1] = value;
      yield {
        what: `${what}, last byte ${value}`,
        bytes: packet(layout.first, layout.body(block)),
      };
    }
  }
}

function packet(first: number, body: readonly number[]): Uint8Array {
  return Uint8Array.of(first, ...varint(body.length), ...body);
}
