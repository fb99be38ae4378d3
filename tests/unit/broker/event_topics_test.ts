/** Sinks that hear of messages on some topics only. */
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import type { EventHub } from "../../../src/broker/event_hub.ts";
import { EventBit, type EventSink } from "../../../src/ports/mod.ts";
import { type Message, type MessageOrigin, Publication } from "../../../src/session/mod.ts";
import {
  BY_USERNAME,
  MemoryBroker,
  type MemoryBrokerParts,
  type MemoryClient,
} from "../../support/memory_broker.ts";
import { messageOf } from "../../support/storage_rig.ts";

/** Wants what is published on `wanted`; writes down who did. */
class Listener implements EventSink {
  readonly mask: number;
  readonly heard: string[] = [];
  readonly #wanted: string;

  constructor(wanted: string, mask: number = EventBit.messagePublish) {
    this.#wanted = wanted;
    this.mask = mask;
  }

  wantsPublish(topic: string): boolean {
    return topic === this.#wanted;
  }

  onPublish(publication: Publication, origin: MessageOrigin): void {
    if (publication.topic === this.#wanted) {
      this.heard.push(`${publication.topic} ${whoIs(origin)}`);
    }
  }

  onDeliver({ topic, origin }: Publication | Message): void {
    this.heard.push(`${topic} to somebody ${whoIs(origin)}`);
  }

  onAcked(): void {}
  onDropped(): void {}
  onClient(): void {}
}

function whoIs(origin: MessageOrigin | undefined): string {
  return `${origin?.clientId} ${origin?.username} ${origin?.peername === undefined ? "?" : "here"}`;
}

interface Rig {
  readonly memory: MemoryBroker;
  readonly publisher: MemoryClient;
  /** Of what has come to a subscriber to everything. */
  readonly topics: () => string[];
}

function rigWith(sinks: readonly EventSink[], parts: MemoryBrokerParts = {}): Rig {
  const memory = new MemoryBroker({ authenticator: BY_USERNAME, eventSinks: sinks, ...parts });
  const connect = (clientId: string): MemoryClient =>
    memory.connect({ clientId, username: `u-${clientId}`, version: 4 });
  const [publisher, subscriber] = [connect("p"), connect("s")];
  subscriber.subscribe("#", 0);
  memory.runtime.settle();
  subscriber.expect("suback");
  const topics = (): string[] => {
    memory.runtime.settle();
    return subscriber.take().flatMap((packet) => packet.cmd === "publish" ? [packet.topic] : []);
  };
  return { memory, publisher, topics };
}

test("a sink hears of the topics that it wants, and the others go their way as if it were not there", () => {
  const listener = new Listener("t");
  const { publisher, topics } = rigWith([listener]);
  for (const topic of ["u", "t", "u", "t"]) publisher.publish(topic, "x");
  assertEquals(topics(), ["u", "t", "u", "t"]);
  assertEquals(listener.heard, ["t p u-p here", "t p u-p here"]);
});

test("one sink that wants all, or hears of more than what is published, is told of all", () => {
  const [some, all] = [new Listener("t"), new Listener("u")];
  const { publisher, topics } = rigWith([some, { ...{ mask: all.mask }, ...plain(all) }]);
  publisher.publish("u", "x");
  topics();
  assertEquals([some.heard, all.heard], [[], ["u p u-p here"]]);
  const more = new Listener("t", EventBit.messagePublish | EventBit.messageDeliver);
  const rig = rigWith([more]);
  rig.publisher.publish("u", "x");
  rig.topics();
  assertEquals(more.heard, ["u to somebody p u-p here"]);
});

test("a message that becomes one on a wanted topic is told of with all that is known of its publisher", () => {
  const listener = new Listener("t");
  const { publisher, topics } = rigWith([listener], {
    interceptors: [{ intercept: (message) => ({ ...message, topic: "t" }) }],
  });
  publisher.publish("u", "x");
  topics();
  assertEquals(listener.heard, ["t p u-p here"]);
});

test("a message that waits is told of when it is published, on its own topic", () => {
  const listener = new Listener("t");
  const { memory, publisher, topics } = rigWith([listener]);
  publisher.publish("$delayed/1/t", "x");
  assertEquals([topics(), listener.heard], [[], []]);
  publisher.peer.end();
  memory.runtime.advance(2000);
  assertEquals([topics(), listener.heard], [["t"], ["t p u-p here"]]);
});

test("what the broker says itself is told where it is wanted", () => {
  const listener = new Listener("will");
  const { memory, topics } = rigWith([listener]);
  const client = memory.connect({
    clientId: "w",
    username: "u-w",
    will: { topic: "will", payload: Buffer.from("w"), qos: 0, retain: false },
  });
  topics();
  client.peer.end();
  assertEquals(topics(), ["will"]);
  assertEquals(listener.heard.map((line) => line.slice(0, 6)), ["will w"]);
});

test("a message of which nobody knows where it came from is told of on a wanted topic", () => {
  const events = new MemoryBroker().broker.events as EventHub;
  const listener = new Listener("t");
  events.add(listener);
  for (const topic of ["u", "t"]) {
    const publication = new Publication();
    publication.loadMessage(messageOf(topic, "x", { publisherId: "p" }), 0);
    events.published(publication);
  }
  assertEquals(listener.heard, ["t p undefined ?"]);
});

/** A sink that does not say what it wants. */
function plain(listener: Listener): Omit<EventSink, "mask"> {
  return {
    onPublish: (publication, origin) => listener.onPublish(publication, origin),
    onDeliver: (message) => listener.onDeliver(message),
    onAcked: () => {},
    onDropped: () => {},
    onClient: () => {},
  };
}
