/** A rule engine without a broker: what is published and offered is kept, and events are told by hand. */
import type { LogFields, Logger } from "../../../src/base/mod.ts";
import { ReasonCode } from "../../../src/mqtt/mod.ts";
import type {
  ClientEvent,
  EventClient,
  EventSink,
  JsonValue,
  Publisher,
  RecordStore,
} from "../../../src/ports/mod.ts";
import {
  type ConfiguredRule,
  type ResourceData,
  RuleEngine,
  type RuleEngineOptions,
  type RuleResource,
} from "../../../src/rules/mod.ts";
import type { Runtime } from "../../../src/runtime/mod.ts";
import { type Message, MessageOrigin, NO_BYTES, Publication } from "../../../src/session/mod.ts";
import { MemoryStore } from "../../../src/storage/mod.ts";
import { ManualClock } from "../../support/manual_clock.ts";

export const OPTIONS: RuleEngineOptions = {
  isEnabled: true,
  ignoreSysMessage: true,
  hasLegacyEventNames: false,
  maxRules: 100,
  maxActions: 4,
  maxQueuedActions: 3,
};

/** A resource that takes things until it is full, and settles them when it is told to. */
export class FakeResource implements RuleResource {
  readonly id: string;
  readonly type: string;
  readonly config: { readonly [name: string]: JsonValue };
  readonly offered: ResourceData[] = [];
  readonly settles: ((isDone: boolean) => void)[] = [];
  isFull = false;
  /** Of whatever it is offered it can make nothing. */
  isPicky = false;
  dropped = 0;

  constructor(id: string, type: string, config: { readonly [name: string]: JsonValue } = {}) {
    this.id = id;
    this.type = type;
    this.config = config;
  }

  offer(data: ResourceData, settle: (isDone: boolean) => void): boolean {
    if (this.isFull || this.isPicky) return false;
    this.offered.push(data);
    this.settles.push(settle);
    return true;
  }

  countDropped(): void {
    this.dropped++;
  }

  /** What was offered, bytes as text. */
  get texts(): readonly unknown[] {
    return this.offered.map((data) =>
      data.kind === "bytes" ? new TextDecoder().decode(data.bytes) : data.row
    );
  }
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

export interface RigOptions {
  readonly records?: RecordStore;
  readonly options?: Partial<RuleEngineOptions>;
  readonly configured?: readonly ConfiguredRule[];
  readonly resources?: readonly FakeResource[];
  /** Default: one in which nothing is put off. */
  readonly runtime?: Pick<Runtime, "defer" | "yieldTurn">;
}

const AT_ONCE: Pick<Runtime, "defer" | "yieldTurn"> = {
  defer: (fn) => fn(),
  yieldTurn: (fn) => fn(),
};

export const CLIENT: EventClient = {
  clientId: "c1",
  username: "u1",
  address: "10.0.0.1",
  port: 4000,
  peername: "10.0.0.1:4000",
  listenerName: "tcp:default",
  mountpoint: "",
  version: 4,
};

const encoder = new TextEncoder();

export function messageOf(
  topic: string,
  payload: string | Uint8Array,
  more: Partial<Message> = {},
): Message {
  return {
    topic,
    topicBytes: encoder.encode(topic),
    payload: typeof payload === "string" ? encoder.encode(payload) : payload,
    qos: 1,
    retain: false,
    properties: NO_BYTES,
    expiresAtMs: Infinity,
    publisherId: "c1",
    ...more,
  };
}

export class RuleRig {
  readonly clock = new ManualClock();
  readonly options: RuleEngineOptions;
  readonly records: RecordStore;
  readonly resources: Map<string, FakeResource>;
  readonly published: Message[] = [];
  readonly log: LogLine[] = [];
  readonly engine: RuleEngine;
  sink: EventSink | undefined;
  refreshes = 0;
  /** What publishing answers. */
  answer: ReturnType<Publisher["publishMessage"]> = ReasonCode.success;
  /** As the broker does: what rules publish is told to them, too. */
  isLooped = true;

  constructor(
    { records, options, configured = [], resources = [], runtime }: RigOptions = {},
  ) {
    this.options = { ...OPTIONS, ...options };
    this.records = records ?? new MemoryStore().records;
    this.resources = new Map(resources.map((resource) => [resource.id, resource]));
    this.engine = new RuleEngine({
      options: this.options,
      node: "node1",
      records: this.records,
      resources: this.resources,
      publisher: { publishMessage: (message) => this.#take(message) },
      limits: () => ({ maxTopicLevels: 8, maxPacketSizeBytes: 1000, maxQos: 1 }),
      events: {
        add: (sink) => this.sink = sink,
        remove: () => this.sink = undefined,
        refresh: () => this.refreshes++,
      },
      runtime: runtime ?? AT_ONCE,
      clock: this.clock,
      logger: this.#logger(),
      addressOf: (name) => name === "tcp:default" ? "127.0.0.1:1883" : undefined,
    });
    this.engine.open(configured);
  }

  /** Texts that were published, with their topics. */
  get texts(): readonly [topic: string, payload: string][] {
    return this.published.map(({ topic, payload }) => [topic, new TextDecoder().decode(payload)]);
  }

  /** A message of a client comes in. */
  publish(topic: string, payload: string | Uint8Array = "", more: Partial<Message> = {}): void {
    this.#tell(messageOf(topic, payload, more), CLIENT);
  }

  tell(event: ClientEvent): void {
    this.sink?.onClient(event);
  }

  #tell(
    message: Message,
    publisher: Pick<EventClient, "clientId" | "username" | "peername">,
  ): void {
    const publication = new Publication();
    publication.loadMessage(message, this.clock.nowMs());
    this.sink?.onPublish(publication, new MessageOrigin(publisher, this.clock.nowMs()));
  }

  #take(message: Message): ReturnType<Publisher["publishMessage"]> {
    this.published.push(message);
    const { publisherId: clientId } = message;
    if (this.isLooped) this.#tell(message, { clientId, username: undefined, peername: undefined });
    return this.answer;
  }

  #logger(): Logger {
    const at = (level: string) => (message: string, fields: LogFields = {}): void => {
      this.log.push({ level, message, fields });
    };
    return {
      isEnabled: () => true,
      error: at("error"),
      warn: at("warn"),
      info: at("info"),
      debug: at("debug"),
      trace: at("trace"),
    };
  }
}
