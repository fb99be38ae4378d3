import { test } from "node:test";
import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { decodePublish, PublishView } from "../../../src/mqtt/mod.ts";
import { PublishRun, RUN_FRAMES_MAX } from "../../../src/session/mod.ts";

const HEADER_BYTES = 2;

/** QoS 0 frames on "t" with these payloads, as many as wanted, and a view of each. */
function framesOf(
  count: number,
  payloadBytes: number,
): { bytes: Uint8Array; views: PublishView[] } {
  const body = 3 + payloadBytes;
  const size = HEADER_BYTES + (body > 127 ? 1 : 0) + body;
  const bytes = new Uint8Array(size * count);
  const views: PublishView[] = [];
  for (let index = 0; index < count; index++) {
    const start = index * size;
    const length = body > 127 ? [0x80 | (body & 0x7f), body >> 7] : [body];
    bytes.set([0x30, ...length, 0, 1, 0x74], start);
    bytes.fill(index, start + size - payloadBytes, start + size);
    const view = new PublishView();
    decodePublish(view, bytes, start, start + 1 + length.length, start + size, 4);
    views.push(view);
  }
  return { bytes, views };
}

function runOf(views: readonly PublishView[], isStable = false): PublishRun {
  const run = new PublishRun();
  views.forEach((view, index) => {
    if (index === 0) run.begin(view, view.frameStart + HEADER_BYTES, isStable);
    else run.add(view, view.frameStart + HEADER_BYTES);
  });
  return run;
}

test("PublishRun knows where each of its frames is, also where it was moved to", () => {
  const { bytes, views } = framesOf(5, 10);
  const run = runOf(views.slice(1));
  const places = (): number[][] =>
    [0, 1, 2, 3].map((index) => [
      run.frameStart(index) - run.start,
      run.bodyStart(index) - run.start,
      run.frameEnd(index) - run.start,
    ]);
  const expected = [[0, 2, 15], [15, 17, 30], [30, 32, 45], [45, 47, 60]];
  assertEquals(places(), expected);
  assertEquals([run.count, run.payloadBytes, run.largestFrame], [4, 40, 15]);
  const before = bytes.slice(15);
  run.settle();
  bytes.fill(0);
  assertEquals(places(), expected);
  assertEquals(run.bytes.slice(run.start, run.end), before);
  assert(run.isStable && run.isShared);
});

test("PublishRun.settle() puts one run behind the other, as long as there is room", () => {
  const run = new PublishRun();
  let bytes: Uint8Array = new Uint8Array(0);
  let [end, moves] = [0, 0];
  for (let round = 0; round < 400; round++) {
    const { views } = framesOf(1, 1000);
    run.begin(views[0]!, HEADER_BYTES, false);
    run.settle();
    if (run.bytes === bytes) assertEquals(run.start, end);
    else {
      moves++;
      assertEquals(run.start, 0);
    }
    ({ bytes, end } = run);
  }
  assertEquals(moves, Math.ceil(400 / Math.floor(65_536 / 1006)));
});

test("PublishRun.isFollowedBy() asks for the next frame, in the same bytes, and has limits", () => {
  const { views } = framesOf(RUN_FRAMES_MAX + 1, 10);
  assert(!runOf(views.slice(0, 2)).isFollowedBy(views[3]!), "not the next");
  assert(!runOf(views.slice(0, 2)).isFollowedBy(framesOf(3, 10).views[2]!), "elsewhere");
  assert(runOf(views.slice(0, 2)).isFollowedBy(views[2]!));
  assert(!runOf(views.slice(0, RUN_FRAMES_MAX)).isFollowedBy(views[RUN_FRAMES_MAX]!), "too many");
  const large = framesOf(12, 4000).views;
  assert(runOf(large.slice(0, 8)).isFollowedBy(large[8]!));
  assert(!runOf(large.slice(0, 9)).isFollowedBy(large[9]!), "too long");
});

test("PublishRun.isPlain() is true of what anybody may get as it is", () => {
  const { views } = framesOf(1, 10);
  const plain = views[0]!;
  assert(PublishRun.isPlain(plain));
  assert(PublishRun.isPlain({ ...plain, qos: 1 } as PublishView));
  assert(!PublishRun.isPlain({ ...plain, qos: 1, dup: true } as PublishView));
  assert(!PublishRun.isPlain({ ...plain, retain: true } as PublishView));
  assert(!PublishRun.isPlain({ ...plain, topicAliasAt: 5 } as PublishView));
  assert(!PublishRun.isPlain({ ...plain, messageExpiryAt: 5 } as PublishView));
  assert(!PublishRun.isPlain(framesOf(1, 5000).views[0]!));
});

test("PublishRun.clear() lets go of the bytes", () => {
  const { bytes, views } = framesOf(1, 10);
  const run = runOf(views);
  assertStrictEquals(run.bytes, bytes);
  run.clear();
  assertNotStrictEquals(run.bytes, bytes);
  assertEquals(run.count, 0);
});
