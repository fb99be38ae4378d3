import type { Clock, Logger, TimerWheel } from "../base/mod.ts";
import { AckView, PublishView } from "../mqtt/mod.ts";
import type { Authenticator, BanList } from "../ports/mod.ts";
import type { Router } from "../routing/mod.ts";
import { Publication, PublishFrame, type SessionContext } from "../session/mod.ts";
import type { FlushSet } from "../transport/mod.ts";
import type { AckRelease } from "./ack_release.ts";
import type { ClientConnection } from "./client_connection.ts";
import type { ClientSession } from "./client_session.ts";
import type { CloseTally } from "./close_reason.ts";
import type { BrokerCounters } from "./counters.ts";
import type { DelayedMessages } from "./delayed_messages.ts";
import type { Durability } from "./durability.ts";
import type { EventHub } from "./event_hub.ts";
import type { FlappingDetector } from "./flapping.ts";
import type { BrokerGauges } from "./gauges.ts";
import type { LimitsOptions, MqttOptions } from "./options.ts";
import type { Permissions } from "./permissions.ts";
import type { PublishPipeline } from "./publish_pipeline.ts";
import type { RetainedMessages } from "./retained_messages.ts";
import type { RunPublisher } from "./run_publisher.ts";
import type { SessionRegistry } from "./session_registry.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** What connections and packet handlers need of the broker; `Broker` builds it. */
export interface BrokerCore {
  options: MqttOptions;
  limits: LimitsOptions;
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly logger: Logger;
  /** For what clients can cause as often as they like. */
  readonly clientLogger: Logger;
  readonly counters: BrokerCounters;
  readonly gauges: BrokerGauges;
  readonly authenticator: Authenticator;
  readonly permissions: Permissions;
  /** Undefined: nobody can be banned. */
  readonly bans: BanList | undefined;
  readonly flapping: FlappingDetector;
  readonly events: EventHub;
  readonly router: Router<ClientSession>;
  readonly subscriptions: Subscriptions;
  readonly retained: RetainedMessages;
  readonly delayed: DelayedMessages;
  readonly pipeline: PublishPipeline;
  readonly runs: RunPublisher;
  readonly sessions: SessionRegistry;
  readonly sessionContext: SessionContext;
  readonly durability: Durability;
  readonly acks: AckRelease;
  readonly connections: Set<ClientConnection>;
  /** By the name of the listener. */
  readonly closeTallies: Map<string, CloseTally>;
  readonly flushSet: FlushSet;
  /** Connections that have given way in the middle of a chunk and go on in the next turn. */
  readonly resumes: { count: number };
  /** Calls back after the other sockets had their turn. */
  readonly yieldTurn: (fn: () => void) => void;
  readonly scratch: Scratch;
}

/** Objects that are filled again for every packet; nobody holds on to them. */
export class Scratch {
  readonly publish = new PublishView();
  readonly ack = new AckView();
  readonly publication = new Publication();
  /** For frames that are one receiver's own. */
  readonly frame = new PublishFrame();
  readonly ackBytes = new Uint8Array(8);
  /** Properties of one receiver: expiry, subscription identifiers, alias. */
  extra: Uint8Array = new Uint8Array(64);
}
