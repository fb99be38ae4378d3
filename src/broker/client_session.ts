import {
  EventBit,
  type EventClient,
  type Identity,
  type SessionRecord,
  type StoredWill,
} from "../ports/mod.ts";
import type { SharedGroup, Subscription } from "../routing/mod.ts";
import {
  type Delivery,
  type DropReason,
  type Message,
  type Publication,
  Session,
  type SessionContext,
} from "../session/mod.ts";
import type { ClientConnection } from "./client_connection.ts";
import { eventClientOf } from "./event_client.ts";
import type { EventHub } from "./event_hub.ts";
import type { Permissions } from "./permissions.ts";
import type { SessionJournal } from "./session_journal.ts";
import type { Sequenced, Timer } from "../base/mod.ts";
import type { ClientDetails } from "./client_details.ts";
import type { Traffic } from "./traffic.ts";

/** A subscription with its place in the order in which its session's were made. */
export interface OrderedSubscription extends Subscription {
  readonly order: number;
}

/** A session with what the broker keeps about it: subscriptions, will, expiry. */
export class ClientSession extends Session<SharedGroup<ClientSession>> implements Sequenced {
  /** Belongs to the registry's list. */
  sequence = 0;
  /** By topic filter as the client wrote it, `$share/…` included, but behind its mountpoint. */
  readonly subscriptions = new Map<string, OrderedSubscription>();
  lastSubscriptionOrder = 0;
  /** Seconds that the session outlives its connection; 0: not at all. */
  expiryS = 0;
  will: StoredWill | undefined;
  /** User name that the session belongs to; undefined: whoever asks for it. */
  owner: string | undefined;
  /** Wall clock of the end of the last connection, in milliseconds; 0 while connected. */
  disconnectedAtMs = 0;
  readonly createdAtMs: number;
  /** Runs while the will waits for its delay. */
  willTimer: Timer | undefined;
  /** Runs while the client is away. */
  expiryTimer: Timer | undefined;
  isEnded = false;
  /** Of the last connection; undefined until the client of a restored session has come back. */
  identity: Identity | undefined;
  /** In front of all topics of the client. */
  mountpoint = "";
  permissions: Permissions | undefined;
  /** The last CONNECT asked for a clean start. */
  wasCleanStart = true;
  /** The client's connection while there is one. */
  connection: ClientConnection | undefined;
  /** What the last CONNECT said; undefined: an earlier version of the broker kept the session, and nothing of that. */
  details: ClientDetails | undefined;
  #eventClient: EventClient | undefined;
  /** What `#eventClient` was made of. */
  #eventDetails: ClientDetails | undefined;
  /** Of the connection, or of the last one. */
  traffic: Traffic | undefined;
  /** PUBLISH packets that went to earlier connections. */
  deliveredEarlier = 0;

  readonly journal: SessionJournal | undefined;
  readonly events: EventHub;

  /** `journal`: of a session that outlives its connection. */
  constructor(
    clientId: string,
    context: SessionContext,
    createdAtMs: number,
    journal: SessionJournal | undefined,
    events: EventHub,
  ) {
    super(clientId, context, journal);
    this.events = events;
    this.createdAtMs = createdAtMs;
    this.journal = journal;
    if (journal !== undefined) journal.session = this;
  }

  /** The session's client for whoever hears of events; the same one as long as it is the same connection. */
  get eventClient(): EventClient {
    if (this.#eventClient === undefined || this.#eventDetails !== this.details) {
      this.#eventClient = eventClientOf(this.clientId, this.details);
      this.#eventDetails = this.details;
    }
    return this.#eventClient;
  }

  protected override onDropped(message: Publication | Message, reason: DropReason): void {
    this.events.dropped(message, reason, this.eventClient);
  }

  /** This session could not take a message of a shared subscription, and no other member could. */
  noteDropOfGroup(message: Publication | Message): void {
    if ((this.events.mask & EventBit.messageDropped) === 0) return;
    this.events.dropped(message, "no_member", this.eventClient);
  }

  protected override onAcked(delivery: Delivery<SharedGroup<ClientSession>>): void {
    this.events.acked(delivery.message, this.eventClient, delivery);
  }

  protected override mayReceive(delivery: Delivery<SharedGroup<ClientSession>>): boolean {
    return this.mayReceiveTopic(delivery.message.topic, delivery.group?.shareName ?? "");
  }

  /** `shareName`: of the shared subscription that would deliver it, else "". */
  mayReceiveTopic(topic: string, shareName: string): boolean {
    return this.permissions?.mayReceive(this, topic, shareName) ?? true;
  }

  /** What the store keeps beside the lists. */
  get record(): SessionRecord {
    const { clientId, expiryS, createdAtMs, disconnectedAtMs, owner, will, details } = this;
    return { clientId, expiryS, createdAtMs, disconnectedAtMs, owner, will, client: details };
  }
}
