/** A whole broker in memory, and clients that speak to it packet by packet through `mqtt-packet`. */
import { MemoryStore } from "../../src/storage/mod.ts";
import { Buffer } from "node:buffer";
import { generate, parser } from "mqtt-packet";
import type { IConnackPacket, IConnectPacket, Packet, PacketCmd, Parser } from "mqtt-packet";
import { ALLOW_ALL, AuthenticatorChain } from "../../src/auth/mod.ts";
import type { LogFields, Logger, Prng } from "../../src/base/mod.ts";
import { Broker, type LimitsOptions, type MqttOptions } from "../../src/broker/mod.ts";
import type {
  Authenticator,
  Authorizer,
  BanList,
  EventSink,
  PublishInterceptor,
  Store,
} from "../../src/ports/mod.ts";
import type { ByteSocket, ByteSocketHandler } from "../../src/runtime/mod.ts";
import { LISTENER_TERMS } from "./listener_terms.ts";
import { type MemoryPeer, MemoryRuntime } from "./memory_socket.ts";

export type ClientVersion = 3 | 4 | 5;
export type PacketOf<C extends PacketCmd> = Extract<Packet, { cmd: C }>;

/** What `config/broker.toml` says, but for `$SYS`, which would only be noise. */
export const DEFAULT_OPTIONS: MqttOptions = {
  maxPacketSizeBytes: 1_048_576,
  maxTopicLevels: 128,
  maxClientIdLength: 1024,
  maxQos: 2,
  retainAvailable: true,
  wildcardSubscription: true,
  sharedSubscription: true,
  maxSubscriptions: 0,
  maxTopicAlias: 32,
  receiveMaximum: 100,
  maxInflight: 32,
  maxQueuedMessages: 1000,
  maxQueuedBytes: 64 << 20,
  queueFull: "drop_oldest",
  queueQos0Offline: false,
  maxOutboundBufferBytes: 4 << 20,
  connectTimeoutMs: 10_000,
  maxKeepAliveS: 0,
  keepAliveFactor: 1.5,
  maxSessionExpiryS: 30 * 86_400,
  sessionExpiry3xS: 7_200,
  maxWillDelayS: 86_400,
  hasRetainer: true,
  maxRetainedMessages: 0,
  maxRetainedPayloadBytes: 1_048_576,
  hasDelayedPublish: true,
  maxDelayedMessages: 10_000,
  maxDelayedBytes: 64 << 20,
  sysIntervalMs: 0,
};

/** What `config/broker.toml` says. */
export const DEFAULT_LIMITS: LimitsOptions = {
  connectRate: 0,
  messagesInRate: 0,
  bytesInRate: 0,
  flapping: { isEnabled: false, maxCount: 15, windowMs: 60_000, banMs: 300_000 },
  clientLogRate: 10,
  maxBans: 10_000,
  maxSessions: 1_000_000,
  maxConnectBytes: 256 << 10,
  maxIdleS: 0,
  maxUserProperties: 1000,
  maxUserPropertyBytes: 256 << 10,
  maxRetainedBytes: 1 << 30,
  sessionOwner: "refuse",
};

/** Keeps what must never be said. */
class ErrorLog implements Logger {
  readonly errors: string[] = [];

  isEnabled(): boolean {
    return true;
  }

  error(message: string, fields: LogFields = {}): void {
    this.errors.push(`${message} ${JSON.stringify(fields)}`);
  }

  warn(): void {}
  info(): void {}
  debug(): void {}
  trace(): void {}
}

export interface MemoryBrokerParts {
  readonly options?: Partial<MqttOptions>;
  readonly limits?: Partial<LimitsOptions>;
  readonly bans?: BanList;
  readonly authenticator?: Authenticator;
  /** A whole one, or just its answers, to questions that it is then always asked. */
  readonly authorizer?: Authorizer | Pick<Authorizer, "authorize">;
  readonly interceptors?: readonly PublishInterceptor[];
  readonly store?: Store;
  readonly storingGivesWay?: boolean;
  readonly eventSinks?: readonly EventSink[];
  /** Gets what is logged; without one errors are kept, and nothing else. */
  readonly logger?: Logger;
  /** Lets sockets that are ready together come in any order. */
  readonly prng?: Prng;
  /** One that others use, too. */
  readonly runtime?: MemoryRuntime;
}

/** Lets everybody in as who they say they are. */
export const BY_USERNAME: Authenticator = {
  authenticate: ({ clientId, username, remoteAddress }) => ({
    clientId,
    username,
    remoteAddress,
    method: username === undefined ? "anonymous" : "config",
  }),
};

export class MemoryBroker {
  readonly runtime: MemoryRuntime;
  readonly broker: Broker;
  /** Connections that a listener would count. */
  openConnections = 0;
  /** Of the listener that connections come through from now on. */
  mountpoint = "";
  readonly #log = new ErrorLog();

  constructor(parts: MemoryBrokerParts = {}) {
    this.runtime = parts.runtime ?? new MemoryRuntime(parts.prng);
    this.broker = new Broker({
      options: { ...DEFAULT_OPTIONS, ...parts.options },
      limits: { ...DEFAULT_LIMITS, ...parts.limits },
      ...(parts.bans === undefined ? {} : { bans: parts.bans }),
      version: "0.0.0",
      runtime: this.runtime,
      clock: this.runtime.clock,
      logger: parts.logger ?? this.#log,
      authenticator: parts.authenticator ?? new AuthenticatorChain([]),
      authorizer: wholeAuthorizer(parts.authorizer ?? ALLOW_ALL),
      store: parts.store ?? new MemoryStore(),
      storingGivesWay: parts.storingGivesWay ?? true,
      interceptors: parts.interceptors ?? [],
      eventSinks: parts.eventSinks ?? [],
    });
    this.broker.start();
  }

  /** What was logged as an error: of the broker, since clients cannot cause any. */
  get errors(): readonly string[] {
    return this.#log.errors;
  }

  /** A connection on which nothing was sent yet. */
  open(remoteAddress?: string): MemoryPeer {
    return this.runtime.connect((socket) => {
      if (!this.broker.admits(socket.remoteAddress)) return droppedHandler(socket);
      this.openConnections++;
      return this.broker.accept(socket, {
        options: { ...LISTENER_TERMS, mountpoint: this.mountpoint },
        release: () => {
          this.openConnections--;
        },
      });
    }, remoteAddress);
  }

  /** A client whose CONNECT is on its way. */
  client(fields: Partial<IConnectPacket> & { version?: ClientVersion } = {}): MemoryClient {
    return this.clientFrom(undefined, fields);
  }

  /** The same, from an address of its own. */
  clientFrom(
    remoteAddress: string | undefined,
    fields: Partial<IConnectPacket> & { version?: ClientVersion },
  ): MemoryClient {
    const { version = 5, ...connect } = fields;
    const client = new MemoryClient(this.open(remoteAddress), version);
    client.send({
      cmd: "connect",
      protocolId: version === 3 ? "MQIsdp" : "MQTT",
      protocolVersion: version,
      clean: true,
      clientId: "",
      keepalive: 0,
      ...connect,
    });
    return client;
  }

  /** A client that the broker has accepted. Lets turns pass. */
  connect(
    fields: Partial<IConnectPacket> & { version?: ClientVersion } = {},
  ): MemoryClient & { readonly connack: IConnackPacket } {
    return this.#accepted(this.client(fields));
  }

  /** The same, from an address of its own. */
  connectFrom(
    remoteAddress: string,
    fields: Partial<IConnectPacket> & { version?: ClientVersion },
  ): MemoryClient & { readonly connack: IConnackPacket } {
    return this.#accepted(this.clientFrom(remoteAddress, fields));
  }

  #accepted(client: MemoryClient): MemoryClient & { readonly connack: IConnackPacket } {
    this.runtime.settle();
    const [connack] = client.expect("connack");
    const code = connack.reasonCode ?? connack.returnCode;
    if (code !== 0) throw new Error(`Cannot connect: CONNACK has code ${code}`);
    return Object.assign(client, { connack });
  }
}

function wholeAuthorizer(part: Authorizer | Pick<Authorizer, "authorize">): Authorizer {
  if ("isActive" in part) return part;
  return {
    ...ALLOW_ALL,
    isActive: true,
    authorize: (identity, action, topic) => part.authorize(identity, action, topic),
  };
}

/** As a listener does it with connections from where nobody may come in. */
function droppedHandler(socket: ByteSocket): ByteSocketHandler {
  const nothing = (): void => {};
  socket.abort();
  return { onBytes: nothing, onProgress: nothing, onWritable: nothing, onClose: nothing };
}

/** The other end of a connection. It does nothing by itself: no acknowledgement, no keep alive. */
export class MemoryClient {
  readonly version: ClientVersion;
  readonly peer: MemoryPeer;
  readonly #parser: Parser;
  #packets: Packet[] = [];

  constructor(peer: MemoryPeer, version: ClientVersion) {
    this.peer = peer;
    this.version = version;
    this.#parser = parser({ protocolVersion: version });
    this.#parser.on("packet", (packet: Packet) => this.#packets.push(packet));
    this.#parser.on("error", (error: Error) => {
      throw error;
    });
  }

  /** Sends a packet, or bytes as they are, in one chunk. */
  send(packet: Packet | Uint8Array): void {
    this.peer.send(packet instanceof Uint8Array ? packet : this.encode(packet));
  }

  encode(packet: Packet): Uint8Array {
    return new Uint8Array(generate(packet, { protocolVersion: this.version }));
  }

  /** All whole packets that have come since the last call. */
  take(): Packet[] {
    if (this.peer.receivedBytes > 0) this.#parser.parse(Buffer.from(this.peer.take()));
    const packets = this.#packets;
    this.#packets = [];
    return packets;
  }

  /** Takes what has come; the first must be of this type, which the rest need not be. */
  expect<C extends PacketCmd>(cmd: C): [PacketOf<C>, ...Packet[]] {
    const packets = this.take();
    const [first, ...rest] = packets;
    if (first?.cmd !== cmd) {
      throw new Error(`Expected ${cmd}, but there came: ${JSON.stringify(packets)}`);
    }
    return [first as PacketOf<C>, ...rest];
  }

  subscribe(topic: string, qos: 0 | 1 | 2, messageId = 1): void {
    this.send({ cmd: "subscribe", messageId, subscriptions: [{ topic, qos }] });
  }

  publish(topic: string, payload: string, qos: 0 | 1 | 2 = 0, messageId = 1): void {
    const id = qos === 0 ? {} : { messageId };
    this.send({ cmd: "publish", topic, payload, qos, retain: false, dup: false, ...id });
  }
}
