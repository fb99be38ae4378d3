import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import {
  ACK_BYTES_MAX,
  type AckType,
  AckView,
  decodeAck,
  PINGRESP_BYTES,
  ProtocolError,
  type ProtocolVersion,
  ReasonCode,
  writeAck,
} from "../../../src/mqtt/mod.ts";
import { bin, bodyOf, bytesOf, embedded, hex, packet, props, str, u16 } from "./frames.ts";

const { malformedPacket, protocolError } = ReasonCode;

const PUBACK = 0x40;
const PUBREC = 0x50;
const PUBREL = 0x62;
const PUBCOMP = 0x70;
const FIRSTS = [PUBACK, PUBREC, PUBREL, PUBCOMP];

/** Table 2-6 of the standard, typed off once more. */
const ALLOWED: Readonly<Record<number, readonly number[]>> = {
  [PUBACK]: [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
  [PUBREC]: [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
  [PUBREL]: [0x00, 0x92],
  [PUBCOMP]: [0x00, 0x92],
};

function decode(frame: Uint8Array, version: ProtocolVersion): AckView {
  const { bytes, start, end } = embedded(frame);
  const view = new AckView();
  decodeAck(view, bytes, start, start + bodyOf(frame), end, version);
  return view;
}

for (const first of FIRSTS) {
  const name = `type ${first >> 4}`;
  test(`decodeAck() reads the short form in every version: ${name}`, () => {
    for (const version of [3, 4, 5] as const) {
      const view = decode(packet(first, u16(0xabcd)), version);
      assertEquals({ ...view }, { packetId: 0xabcd, reasonCode: 0, hasProperties: false });
    }
  });

  test(`decodeAck() takes exactly the reason codes of the standard: ${name}`, () => {
    for (let code = 0; code < 256; code++) {
      for (const behind of [[], [0], [...props(38, str("k"), str("v"))]]) {
        const frame = packet(first, u16(1), code, behind);
        if (ALLOWED[first]!.includes(code)) {
          const view = decode(frame, 5);
          assertEquals([view.reasonCode as number, view.hasProperties], [
            code,
            behind.length > 1,
          ]);
        } else {
          const error = assertThrows(() => decode(frame, 5), ProtocolError);
          assertEquals(error.reasonCode, protocolError);
        }
      }
    }
  });

  test(`writeAck() writes what decodeAck() reads: ${name}`, () => {
    for (const version of [3, 4, 5] as const) {
      for (const code of ALLOWED[first]!) {
        const target = new Uint8Array(ACK_BYTES_MAX + 4).fill(0xee);
        const size = writeAck(target, 2, (first >> 4) as AckType, 0x1234, code, version);
        const withReason = version === 5 && code !== 0;
        assertEquals(
          hex(target.subarray(2, 2 + size)),
          hex(packet(first, 0x12, 0x34, withReason ? [code] : [])),
        );
        assertEquals(target[2 + size], 0xee, "nothing behind it");
        const view = decode(target.slice(2, 2 + size), version);
        assertEquals(view.packetId, 0x1234);
        assertEquals(view.reasonCode as number, withReason ? code : 0);
      }
    }
  });

  test(`decodeAck() refuses wrong flags [MQTT-2.1.3-1]: ${name}`, () => {
    for (let flags = 0; flags < 16; flags++) {
      if (flags === (first & 15)) continue;
      for (const version of [3, 4, 5] as const) {
        const frame = packet(first & 0xf0 | flags, u16(1));
        const error = assertThrows(() => decode(frame, version), ProtocolError);
        assertEquals(error.reasonCode, malformedPacket);
      }
    }
  });
}

const REASON = bytesOf(31, str("why"));

const BAD: ReadonlyArray<
  [name: string, frame: Uint8Array, versions: readonly ProtocolVersion[], reasonCode: number]
> = [
  ["no body", packet(PUBACK), [3, 4, 5], malformedPacket],
  ["packet identifier cut off", packet(PUBREC, 1), [3, 4, 5], malformedPacket],
  ["packet identifier 0", packet(PUBREL, 0, 0), [3, 4, 5], protocolError],
  ["a reason code before 5.0", packet(PUBACK, u16(1), 0), [3, 4], malformedPacket],
  ["remaining length not minimal", bytesOf(PUBACK, 0x82, 0, u16(1)), [5], malformedPacket],
  ["property length cut off", packet(PUBACK, u16(1), 0, 0x80), [5], malformedPacket],
  ["property length not minimal", packet(PUBACK, u16(1), 0, 0x80, 0), [5], malformedPacket],
  ["bytes behind the properties", packet(PUBACK, u16(1), 0, 0, 0), [5], malformedPacket],
  ["properties cut off", packet(PUBACK, u16(1), 0, 7, REASON), [5], malformedPacket],
  ["two reason strings", packet(PUBACK, u16(1), 0, props(REASON, REASON)), [5], protocolError],
  ["a property of PUBLISH", packet(PUBREC, u16(1), 0, props(1, 1)), [5], malformedPacket],
  ["an unknown property", packet(PUBCOMP, u16(1), 0, props(0x7f)), [5], malformedPacket],
  ["an ill-formed reason string", packet(PUBREL, u16(1), 0, props(31, bin(0xff))), [5], 0x81],
  ["an ill-formed user property", packet(PUBREL, u16(1), 0, props(38, bin(0), str(""))), [5], 0x81],
  ["a user property cut off", packet(PUBREL, u16(1), 0, props(38, str("k"), 0)), [5], 0x81],
];

for (const [name, frame, versions, reasonCode] of BAD) {
  test(`decodeAck() refuses ${name}`, () => {
    for (const version of versions) {
      const error = assertThrows(() => decode(frame, version), ProtocolError);
      assertEquals(error.reasonCode as number, reasonCode, error.message);
    }
  });
}

test("decodeAck() takes a reason string among user properties", () => {
  const user = bytesOf(38, str("k"), str("v"));
  const view = decode(packet(PUBACK, u16(1), 0x80, props(user, REASON, user)), 5);
  assertEquals({ ...view }, { packetId: 1, reasonCode: 0x80, hasProperties: true });
});

test("decodeAck() leaves nothing of an earlier packet in the view", () => {
  const view = new AckView();
  const long = packet(PUBACK, u16(1), 0x80, props(REASON));
  decodeAck(view, long, 0, 2, long.length, 5);
  const short = packet(PUBACK, u16(2));
  decodeAck(view, short, 0, 2, short.length, 5);
  assertEquals({ ...view }, { packetId: 2, reasonCode: 0, hasProperties: false });
});

test("PINGRESP_BYTES is the whole packet", () => assertEquals(hex(PINGRESP_BYTES), "d0 00"));
