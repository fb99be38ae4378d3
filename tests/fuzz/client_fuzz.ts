/** A client on a server that says anything: what MQTT allows, and the same with bytes changed. */
import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import { generate, type Packet } from "mqtt-packet";
import { Prng } from "../../src/base/mod.ts";
import {
  ClientLoop,
  type ClientRuntime,
  ClientSession,
  ConnectionLost,
  ConnectionRefused,
  MqttClient,
  type MqttClientHandler,
} from "../../src/client/mod.ts";
import { encodeUtf8, type PublishView, type Qos } from "../../src/mqtt/mod.ts";
import type { Takeover } from "../../src/runtime/mod.ts";
import { type MemoryPeer, MemoryRuntime } from "../support/memory_socket.ts";

export interface ClientFuzz {
  readonly connections: number;
  readonly accepted: number;
  /** Connections that the client itself has ended because of what came. */
  readonly refused: number;
  readonly messages: number;
}

const NO_BYTES = new Uint8Array(0);

/** Throws when a client fails in a way that is none, or breaks the contract of its socket. */
export async function fuzzClient(
  options: { seed: number; connections: number },
): Promise<ClientFuzz> {
  const prng = new Prng(options.seed);
  let session = new ClientSession();
  let [accepted, refused, messages] = [0, 0, 0];
  for (let connection = 0; connection < options.connections; connection++) {
    if (prng.nextBoolean(0.3)) session = new ClientSession();
    const run = new Run(prng, session);
    await run.play();
    accepted += run.isAccepted ? 1 : 0;
    refused += run.closeDetail === undefined ? 0 : 1;
    messages += run.messages;
  }
  return { connections: options.connections, accepted, refused, messages };
}

class Run implements MqttClientHandler {
  isAccepted = false;
  isClosed = false;
  closeDetail: string | undefined;
  messages = 0;
  readonly #prng: Prng;
  readonly #memory: MemoryRuntime;
  readonly #client: MqttClient;
  readonly #version: 3 | 4 | 5;
  #peer: MemoryPeer | undefined;

  constructor(prng: Prng, session: ClientSession) {
    this.#prng = prng;
    this.#memory = new MemoryRuntime(prng);
    this.#version = prng.pick([3, 4, 5] as const);
    const runtime = {
      defer: (fn: () => void) => this.#memory.defer(fn),
      every: (ms: number, fn: () => void) => this.#memory.every(ms, fn),
      connectTcp: (_options: unknown, take: Takeover) =>
        new Promise((resolve) => {
          this.#peer = this.#memory.connect((socket) => {
            resolve(socket);
            return take(socket);
          });
        }),
    };
    const loop = new ClientLoop(runtime as unknown as ClientRuntime, this.#memory.clock);
    this.#client = new MqttClient(loop, {
      connect: {
        type: "connect",
        version: this.#version,
        clientId: "me",
        cleanStart: true,
        keepAliveS: 10,
        receiveMaximum: 10,
        topicAliasMaximum: prng.pick([0, 3]),
        requestResponseInformation: false,
        requestProblemInformation: true,
        userProperties: [],
      },
      timeoutMs: 5000,
      inflightMax: 5,
      keepsMessages: prng.nextBoolean(),
      session,
    }, this);
  }

  async play(): Promise<void> {
    const outcome = this.#client.connect({ transport: "tcp", host: "h", port: 1 }).then(
      () => undefined,
      (error) => error,
    );
    await this.#memory.settled();
    const peer = this.#peer as MemoryPeer;
    peer.takesLate = this.#prng.nextBoolean();
    this.#say(this.#connack());
    for (let step = this.#prng.nextInt(30); step > 0 && !this.isClosed; step--) this.#step();
    if (!this.isClosed) {
      this.#prng.pick([
        () => peer.end(),
        () => this.#client.disconnect(),
        () => this.#client.abort(),
      ])();
      this.#memory.advance(20_000);
      peer.end();
    }
    this.#memory.settle();
    const error = await outcome;
    const isKnown = error === undefined || error instanceof ConnectionLost ||
      error instanceof ConnectionRefused;
    assert(isKnown, String(error));
    assertEquals(this.isAccepted, error === undefined, "accepted, and told so");
    assertEquals(this.isClosed, this.isAccepted, "the end of an accepted connection is told once");
    assert(peer.isHungUp, "the connection is over");
  }

  #step(): void {
    const client = this.#client;
    if (this.#prng.nextBoolean(0.3) && client.isConnected) {
      const qos = this.#prng.nextInt(3) as Qos;
      if (qos === 0 || client.room > 0) {
        client.publish({
          topic: encodeUtf8("t"),
          payload: encodeUtf8("x".repeat(this.#prng.nextInt(50))),
          qos,
          retain: false,
          properties: NO_BYTES,
        });
      }
    }
    if (this.#prng.nextBoolean(0.1)) this.#memory.advance(3000);
    this.#say(this.#packet());
  }

  #connack(): Packet {
    const isRefusal = this.#prng.nextBoolean(0.1);
    const code = isRefusal ? (this.#version === 5 ? 0x87 : 5) : 0;
    const sessionPresent = !isRefusal && this.#version !== 3 && this.#prng.nextBoolean();
    return { cmd: "connack", sessionPresent, reasonCode: code, returnCode: code } as Packet;
  }

  #packet(): Packet {
    const messageId = 1 + this.#prng.nextInt(8);
    const cmd = this.#prng.pick(
      [
        "publish",
        "publish",
        "puback",
        "pubrec",
        "pubrel",
        "pubcomp",
        "pingresp",
        "suback",
      ] as const,
    );
    if (cmd === "publish") {
      const qos = this.#prng.nextInt(3) as Qos;
      const alias = this.#prng.nextInt(4);
      return {
        cmd,
        topic: "a/ü",
        payload: "x".repeat(this.#prng.nextInt(200)),
        qos,
        dup: qos > 0 && this.#prng.nextBoolean(),
        retain: this.#prng.nextBoolean(),
        ...(qos === 0 ? {} : { messageId }),
        ...(alias === 0 ? {} : { properties: { topicAlias: alias } }),
      };
    }
    if (cmd === "suback") return { cmd, messageId, granted: [0] };
    return cmd === "pingresp" ? { cmd } : { cmd, messageId };
  }

  #say(packet: Packet): void {
    const bytes = Buffer.from(generate(packet, { protocolVersion: this.#version }));
    if (this.#prng.nextBoolean(0.1)) {
      bytes[this.#prng.nextInt(bytes.length)] = this.#prng.nextInt(256);
    }
    for (let at = 0; at < bytes.length;) {
      const size = 1 + this.#prng.nextInt(bytes.length);
      this.#peer?.send(bytes.subarray(at, at + size));
      at += size;
    }
    this.#memory.settle();
  }

  // --- the user of the client ---------------------------------------------------------------------

  onConnack(): void {
    assert(!this.isAccepted, "once");
    this.isAccepted = true;
  }

  onMessage(view: PublishView): void {
    assert(!this.isClosed, "not after the end");
    assert(this.#client.topicOf(view).length > 0 || view.topicAlias > 0, "a topic");
    this.messages++;
    if (this.#prng.nextBoolean(0.02)) this.#client.disconnect();
  }

  onClose(_cause: string, detail: string | undefined): void {
    assert(!this.isClosed, "once");
    this.isClosed = true;
    this.closeDetail = detail;
  }
}
