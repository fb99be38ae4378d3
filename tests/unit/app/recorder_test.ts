import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { Recorder } from "../../../src/app/recorder.ts";
import { loadRuntime } from "../../../src/runtime/mod.ts";
import { MessageOrigin, Publication } from "../../../src/session/mod.ts";

const runtime = await loadRuntime();
const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
const ORIGIN = new MessageOrigin({ clientId: "c", username: "u", peername: undefined }, NOW_MS);
const NOBODY = new MessageOrigin(
  { clientId: "", username: undefined, peername: undefined },
  NOW_MS,
);

async function withFile(use: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "broker-test-"));
  try {
    await use(join(folder, "r.jsonl"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

function publicationOf(topic: string, payload: Uint8Array, properties: number[] = []): Publication {
  const publication = new Publication();
  publication.loadMessage({
    topic,
    topicBytes: new TextEncoder().encode(topic),
    payload,
    qos: 1,
    retain: true,
    properties: Uint8Array.from(properties),
    expiresAtMs: Infinity,
    publisherId: "c",
  }, NOW_MS);
  publication.isSys = topic.startsWith("$SYS/");
  return publication;
}

async function linesOf(path: string): Promise<unknown[]> {
  const text = await readFile(path, "utf8");
  return text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
}

const BASE = {
  time: "2026-01-02T03:04:05.006Z",
  topic: "t",
  qos: 1,
  retain: true,
  ["client_id"]: "c",
  username: "u",
};

const PAYLOADS: readonly [name: string, bytes: Uint8Array, as: Record<string, string>][] = [
  ["text", new TextEncoder().encode('a"\n\u0000ü😀'), { payload: 'a"\n\u0000ü😀' }],
  ["nothing", new Uint8Array(0), { payload: "" }],
  ["a byte order mark", Uint8Array.of(0xef, 0xbb, 0xbf, 0x61), { payload: "\ufeffa" }],
  ["bytes", Uint8Array.of(0xff, 0x00), { ["payload_base64"]: "/wA=" }],
  ["half a surrogate", Uint8Array.of(0xed, 0xa0, 0x80), { ["payload_base64"]: "7aCA" }],
];

for (const [name, bytes, as] of PAYLOADS) {
  test(`Recorder writes a payload that is ${name}`, () =>
    withFile(async (path) => {
      const recorder = new Recorder(runtime, path, { recordsSys: false });
      recorder.onPublish(publicationOf("t", bytes), ORIGIN);
      assertEquals(recorder.close(), undefined);
      assertEquals(await linesOf(path), [{ ...BASE, ...as }]);
    }));
}

test("Recorder writes the properties that are there", () =>
  withFile(async (path) => {
    const recorder = new Recorder(runtime, path, { recordsSys: false });
    // Format 1, content type "x", response topic "r", correlation data ff, user property a=b twice.
    const pair = [38, 0, 1, 97, 0, 1, 98];
    const block = [1, 1, 3, 0, 1, 120, 8, 0, 1, 114, 9, 0, 1, 255, ...pair, ...pair];
    recorder.onPublish(publicationOf("t", new Uint8Array(0), block), ORIGIN);
    recorder.close();
    const properties = {
      ["payload_format_indicator"]: 1,
      ["content_type"]: "x",
      ["response_topic"]: "r",
      ["correlation_data_base64"]: "/w==",
      ["user_properties"]: [["a", "b"], ["a", "b"]],
    };
    assertEquals(await linesOf(path), [{ ...BASE, payload: "", properties }]);
  }));

test("Recorder passes $SYS over unless it is asked for", () =>
  withFile(async (path) => {
    for (const recordsSys of [false, true]) {
      const recorder = new Recorder(runtime, path, { recordsSys });
      recorder.onPublish(publicationOf("$SYS/a", new Uint8Array(0)), NOBODY);
      recorder.close();
      const sys = { ...BASE, topic: "$SYS/a", payload: "", ["client_id"]: "", username: null };
      assertEquals(await linesOf(path), recordsSys ? [sys] : []);
    }
  }));

test("Recorder keeps every message in order, however many there are, and shows them while it runs", () =>
  withFile(async (path) => {
    const recorder = new Recorder(runtime, path, { recordsSys: false });
    const count = 5000;
    for (let index = 0; index < count; index++) {
      recorder.onPublish(publicationOf(String(index), new Uint8Array(0)), ORIGIN);
    }
    assertEquals((await linesOf(path)).length > count / 2, true);
    recorder.close();
    const topics = (await linesOf(path)).map((line) => (line as { topic: string }).topic);
    assertEquals(topics, Array.from({ length: count }, (_, index) => String(index)));
  }));

test("Recorder empties a file that is there, and says where there can be none", () =>
  withFile(async (path) => {
    for (let round = 0; round < 2; round++) {
      const recorder = new Recorder(runtime, path, { recordsSys: false });
      recorder.onPublish(publicationOf("t", new Uint8Array(0)), ORIGIN);
      recorder.close();
    }
    assertEquals((await linesOf(path)).length, 1);
    assertThrows(() => new Recorder(runtime, `${path}/x`, { recordsSys: false }));
  }));

test("Recorder answers what it could not write", { skip: !existsSync("/dev/full") }, () => {
  const recorder = new Recorder(runtime, "/dev/full", { recordsSys: false });
  recorder.onPublish(publicationOf("t", new Uint8Array(0)), ORIGIN);
  const failure = recorder.close();
  assertEquals(failure?.includes('Cannot record all messages in "/dev/full"'), true, failure);
});

test("Recorder does not pass over a message that it cannot write", () =>
  withFile((path) => {
    const recorder = new Recorder(runtime, path, { recordsSys: false });
    const publication = publicationOf("t", new Uint8Array(0));
    publication.own = () => {
      throw new RangeError("Invalid string length");
    };
    recorder.onPublish(publication, ORIGIN);
    recorder.onPublish(publicationOf("t", new Uint8Array(0)), ORIGIN);
    assertEquals(
      recorder.close(),
      `Cannot record all messages in "${path}": Invalid string length`,
    );
    return Promise.resolve();
  }));
