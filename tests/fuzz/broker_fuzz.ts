/**
 * Hostile clients for a whole broker: they know the protocol well enough to reach every handler,
 * share a few client identifiers, topics and groups, break a packet now and then, read or do not
 * read, and leave as they like.
 */
import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import { generate, type Packet } from "mqtt-packet";
import type { Prng } from "../../src/base/mod.ts";
import { randomControlPacket } from "../unit/mqtt/random_packets.ts";
import { wound } from "./codec_fuzz.ts";

type Version = 3 | 4 | 5;
type Qos = 0 | 1 | 2;

const CLIENT_IDS = ["a", "b", "c", "d", "e", "f"];
const TOPICS = ["t", "t/a", "t/a/b", "t//", "x", "$SYS/x", "$t/a"];
const FILTERS = [...TOPICS, "#", "t/#", "+", "t/+", "+/+", "+/a/#", "$SYS/#", "$t/+"];
const GROUPS = ["g", "h"];
/** Connections that are left open at a time; the oldest goes when another comes. */
const OPEN_MAX = 12;
const PACKETS_MAX = 40;

/** Opens hostile connections one after the other. */
export class HostileClients {
  readonly #prng: Prng;
  readonly #port: number;
  readonly #open: Socket[] = [];

  constructor(prng: Prng, port: number) {
    this.#prng = prng;
    this.#port = port;
  }

  /** One more connection with all its packets; resolves when they have left, or it has ended. */
  async next(): Promise<void> {
    const prng = this.#prng;
    const version: Version = prng.pick([3, 4, 5, 5]);
    const bytes = hostileStream(prng, version);
    const socket = await open(this.#port);
    this.#open.push(socket);
    if (prng.nextBoolean(0.2)) socket.pause();
    for (let at = 0; at < bytes.length && socket.writable;) {
      const end = Math.min(bytes.length, at + 1 + prng.nextInt(prng.pick([4, 100, 5000])));
      const chunk = bytes.subarray(at, end);
      await new Promise<void>((resolve) => socket.write(chunk, () => resolve()));
      at = end;
    }
    const leaving = prng.nextFloat();
    if (leaving < 0.3) socket.destroy();
    else if (leaving < 0.5) socket.end();
    while (this.#open.length > OPEN_MAX) this.#open.shift()?.destroy();
  }

  /** Ends every connection that is still open. */
  end(): void {
    for (const socket of this.#open.splice(0)) socket.destroy();
  }
}

/** A socket that reads and forgets; an error is the broker hanging up and no news. */
function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      socket.on("error", () => socket.destroy());
      socket.resume();
      resolve(socket);
    });
  });
}

/** All that one connection sends: CONNECT as a rule, packets of every kind, now and then a broken one. */
export function hostileStream(prng: Prng, version: Version): Uint8Array {
  const packets = prng.nextBoolean(0.95) ? [connectPacket(prng, version)] : [];
  const count = prng.nextInt(PACKETS_MAX);
  for (let i = 0; i < count; i++) packets.push(anyPacket(prng, version));
  const frames = packets.map((packet) => generate(packet, { protocolVersion: version }));
  if (frames.length > 0 && prng.nextBoolean(0.4)) {
    // Late ones are worth more: what comes after them is lost.
    const at = frames.length - 1 - Math.floor(prng.nextFloat() ** 2 * frames.length);
    frames[at] = Buffer.from(wound(prng, frames[at]!));
  }
  return Buffer.concat(frames);
}

function connectPacket(prng: Prng, version: Version): Packet {
  const properties = {
    sessionExpiryInterval: prng.pick([0, 1, 600]),
    receiveMaximum: prng.pick([1, 2, 65_535]),
    topicAliasMaximum: prng.pick([0, 1, 10]),
    maximumPacketSize: prng.pick([20, 200, 100_000]),
  };
  const will = {
    topic: prng.pick(TOPICS),
    payload: "w",
    qos: qos(prng),
    retain: prng.nextBoolean(0.2),
    ...(version === 5 ? { properties: { willDelayInterval: prng.pick([0, 1, 600]) } } : {}),
  };
  return {
    cmd: "connect",
    protocolId: version === 3 ? "MQIsdp" : "MQTT",
    protocolVersion: version,
    clientId: prng.pick(CLIENT_IDS),
    clean: prng.nextBoolean(0.3),
    keepalive: prng.pick([0, 1, 60]),
    ...(prng.nextBoolean(0.3) ? { will } : {}),
    ...(version === 5 ? { properties } : {}),
  };
}

function anyPacket(prng: Prng, version: Version): Packet {
  if (prng.nextBoolean(0.01)) return randomControlPacket(prng, version);
  const choice = prng.nextInt(100);
  if (choice < 57) return publishPacket(prng, version);
  if (choice < 72) return subscribePacket(prng, version);
  if (choice < 77) {
    return { cmd: "unsubscribe", messageId: packetId(prng), unsubscriptions: [filter(prng)] };
  }
  if (choice < 97) {
    const cmd = prng.pick(["puback", "pubrec", "pubrel", "pubcomp"] as const);
    return { cmd, messageId: packetId(prng) };
  }
  return prng.nextBoolean(0.9) ? { cmd: "pingreq" } : { cmd: "disconnect" };
}

function publishPacket(prng: Prng, version: Version): Packet {
  const level = qos(prng);
  const alias = version === 5 && prng.nextBoolean(0.2) ? 1 + prng.nextInt(5) : 0;
  const properties = {
    ...(alias > 0 ? { topicAlias: alias } : {}),
    ...(prng.nextBoolean(0.2) ? { messageExpiryInterval: prng.pick([0, 1, 600]) } : {}),
    ...(prng.nextBoolean(0.1) ? { userProperties: { k: ["1", "2"] } } : {}),
  };
  return {
    cmd: "publish",
    topic: alias > 0 && prng.nextBoolean(0.1) ? "" : prng.pick(TOPICS),
    payload: Buffer.alloc(prng.pick([0, 1, 10, 100, 3000, 20_000]), 0x78),
    qos: level,
    retain: prng.nextBoolean(0.1),
    dup: level > 0 && prng.nextBoolean(0.2),
    ...(level > 0 ? { messageId: packetId(prng) } : {}),
    ...(version === 5 ? { properties } : {}),
  };
}

function subscribePacket(prng: Prng, version: Version): Packet {
  const subscription = (): { topic: string; qos: Qos } => ({
    topic: filter(prng),
    qos: qos(prng),
    ...(version === 5
      ? { nl: prng.nextBoolean(0.1), rap: prng.nextBoolean(), rh: prng.nextInt(3) }
      : {}),
  });
  return {
    cmd: "subscribe",
    messageId: packetId(prng),
    subscriptions: Array.from({ length: 1 + prng.nextInt(4) }, subscription),
    ...(version === 5 && prng.nextBoolean(0.2)
      ? { properties: { subscriptionIdentifier: 1 + prng.nextInt(9) } }
      : {}),
  };
}

function filter(prng: Prng): string {
  const plain = prng.pick(FILTERS);
  return prng.nextBoolean(0.2) ? `$share/${prng.pick(GROUPS)}/${plain}` : plain;
}

function qos(prng: Prng): Qos {
  return prng.pick([0, 1, 2]);
}

/** Few, so that acknowledgements sometimes mean something. */
function packetId(prng: Prng): number {
  return 1 + prng.nextInt(6);
}
