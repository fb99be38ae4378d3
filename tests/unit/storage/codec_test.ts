import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { Prng } from "../../../src/base/mod.ts";
import { type Delivery, FramedMessage } from "../../../src/session/mod.ts";
import type { StoredGroup } from "../../../src/ports/mod.ts";
import { beginBody, openBody } from "../../../src/storage/codec/body.ts";
import { ByteSink } from "../../../src/storage/codec/byte_sink.ts";
import { ByteSource, StoredDataError } from "../../../src/storage/codec/byte_source.ts";
import { checksumBytes, checksumSeed, checksumWords } from "../../../src/storage/codec/checksum.ts";
import {
  readGrant,
  readMessage,
  writeGrant,
  writeMessage,
} from "../../../src/storage/codec/message_body.ts";
import {
  readSession,
  readSubscription,
  writeSession,
  writeSubscription,
} from "../../../src/storage/codec/session_body.ts";
import { seededPrng } from "../../support/seed.ts";
import { contentOf } from "../../support/storage_rig.ts";
import {
  randomBytes,
  randomDelivery,
  randomMessage,
  randomRecord,
  randomSubscription,
} from "./random_messages.ts";

const SEED = checksumSeed(2, 3, 4);
const ROUNDS = 2000;

/** A body as a row has it: what `write` writes, sealed. */
function sealed(write: (sink: ByteSink) => void): Uint8Array {
  const sink = new ByteSink((bytes) => new SharedArrayBuffer(bytes));
  beginBody(sink);
  write(sink);
  const { length } = sink;
  sink.align();
  const words = new Int32Array(sink.bytes.buffer);
  words[0] = checksumWords(words, 4, length - 4, SEED);
  return sink.bytes.slice(0, length);
}

function readDelivery(bytes: Uint8Array): Delivery<StoredGroup> {
  const source = openBody(bytes, SEED);
  return { ...readGrant(source), message: readMessage(source) };
}

function contentOfDelivery(delivery: Delivery<StoredGroup>): unknown {
  return { ...delivery, message: contentOf(delivery.message) };
}

/** Wherever in memory the frame lies. */
function partsOf({ bytes, start, end, ...rest }: FramedMessage): unknown {
  return { ...rest, frame: bytes.slice(start, end) };
}

test("deliveries are read as they were written", () => {
  const prng = seededPrng("deliveries are read as they were written");
  for (let round = 0; round < ROUNDS; round++) {
    const delivery = randomDelivery(prng);
    const bytes = sealed((sink) => {
      writeGrant(sink, delivery);
      writeMessage(sink, delivery.message);
    });
    const read = readDelivery(bytes);
    assertEquals(contentOfDelivery(read), contentOfDelivery(delivery));
    const { message } = delivery;
    if (!(message instanceof FramedMessage) || !(read.message instanceof FramedMessage)) continue;
    assertEquals(partsOf(read.message), partsOf(message));
  }
});

test("sessions and subscriptions are read as they were written", () => {
  const prng = seededPrng("sessions and subscriptions are read as they were written");
  for (let round = 0; round < ROUNDS; round++) {
    const record = randomRecord(prng, `client-ü-${round}`);
    const session = sealed((sink) => writeSession(sink, record));
    assertEquals(readSession(openBody(session, SEED)), record);
    const subscription = randomSubscription(prng, `a/${round}/#`);
    const bytes = sealed((sink) => writeSubscription(sink, subscription));
    assertEquals(readSubscription(openBody(bytes, SEED)), subscription);
  }
});

test("openBody() finds every changed bit, every lost byte, and a row in the wrong place", () => {
  const prng = seededPrng("openBody() finds every changed bit");
  const bytes = sealed((sink) => writeMessage(sink, randomMessage(prng)));
  for (let bit = 0; bit < Math.min(bytes.length, 400) * 8; bit++) {
    const changed = bytes.slice();
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ 1 << (bit & 7);
    assertThrows(() => openBody(changed, SEED), StoredDataError);
  }
  for (let length = 0; length < bytes.length; length++) {
    assertThrows(() => openBody(bytes.subarray(0, length), SEED), StoredDataError);
  }
  assertThrows(() => openBody(bytes, checksumSeed(2, 4, 3)), StoredDataError);
  for (const value of [null, 7, "text", undefined]) {
    assertThrows(() => openBody(value, SEED), StoredDataError);
  }
  openBody(bytes, SEED);
});

test("openBody() refuses another version of the layout", () => {
  const bytes = sealed((sink) => sink.varint(1));
  bytes[4] = 2;
  const sum = checksumBytes(bytes, 4, SEED);
  new DataView(bytes.buffer).setInt32(0, sum, true);
  assertThrows(() => openBody(bytes, SEED), StoredDataError, "its version is 2");
});

test("reading any bytes gives something or a StoredDataError", () => {
  const prng = seededPrng("reading any bytes gives something or a StoredDataError");
  const readers = [readMessage, readGrant, readSession, readSubscription];
  let read = 0;
  for (let round = 0; round < ROUNDS * 5; round++) {
    const bytes = mutated(prng);
    for (const reader of readers) {
      try {
        reader(new ByteSource(bytes, 5));
        read++;
      } catch (error) {
        if (!(error instanceof StoredDataError)) throw error;
      }
    }
  }
  // Some of it is well-formed by chance; else this would have tried little.
  assertEquals(read > 0, true);
});

function mutated(prng: Prng): Uint8Array {
  if (prng.nextBoolean(0.3)) return randomBytes(prng, 60);
  const bytes = sealed((sink) => {
    if (prng.nextBoolean()) writeMessage(sink, randomMessage(prng));
    else writeSession(sink, randomRecord(prng, "client"));
  });
  for (let count = prng.nextInt(3); count >= 0; count--) {
    bytes[prng.nextInt(bytes.length)] = prng.nextInt(256);
  }
  return prng.nextBoolean() ? bytes : bytes.subarray(0, prng.nextInt(bytes.length));
}

test("checksumWords() and checksumBytes() agree", () => {
  const prng = seededPrng("checksumWords() and checksumBytes() agree");
  for (let length = 0; length < 100; length++) {
    const words = new Int32Array(32);
    const bytes = new Uint8Array(words.buffer);
    for (let at = 0; at < length; at++) bytes[4 + at] = prng.nextInt(256);
    assertEquals(
      checksumWords(words, 4, length, 7),
      checksumBytes(bytes.subarray(0, 4 + length), 4, 7),
    );
  }
});

const NUMBERS = [
  0,
  1,
  127,
  128,
  16383,
  16384,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 40 - 1,
  2 ** 53 - 1,
];

test("numbers and texts of any length are read as they were written", () => {
  const sink = new ByteSink((bytes) => new ArrayBuffer(bytes));
  for (const number of NUMBERS) sink.varint(number);
  for (const number of [0.1, -1, Infinity]) sink.float(number);
  const texts = ["", "a".repeat(127), "a".repeat(128), "ü".repeat(64), "a".repeat(70_000)];
  for (const text of texts) sink.text(text);
  const source = new ByteSource(sink.bytes.subarray(0, sink.length), 0);
  assertEquals(NUMBERS.map(() => source.varint()), NUMBERS);
  assertEquals([source.float(), source.float(), source.float()], [0.1, -1, Infinity]);
  assertEquals(texts.map(() => source.text()), texts);
  assertEquals(source.rest().length, 0);
  assertThrows(() => source.byte(), StoredDataError);
});
