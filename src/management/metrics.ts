import type { Histogram } from "../base/mod.ts";
import type { BrokerCounters, Gauge, Inspector } from "../broker/mod.ts";
import { PacketType } from "../mqtt/mod.ts";
import type { Store } from "../ports/mod.ts";
import { createSinkCounters, type SinkCounters } from "../sinks/mod.ts";
import type { MetricsService } from "./service.ts";
import type {
  HistogramView,
  MetricsView,
  PacketFigures,
  QosFigures,
  StatsView,
  StatView,
} from "./views.ts";

type MessageKey =
  | "messagesReceived"
  | "messagesSent"
  | "sysMessagesSent"
  | "messagesResent"
  | "messagesFromApi"
  | "messagesWithoutSubscriber"
  | "messagesForwarded"
  | "messagesRefused"
  | "dropped";
type LifeKey = "connections" | "sessions" | "subscribesRefused" | "subscribesNotAuthorized";
type OtherKey =
  | "queued"
  | "inflight"
  | "retained"
  | "delayed"
  | "store"
  | "webHook"
  | "logLinesLeftOut"
  | "commitSeconds"
  | "deliverySeconds";
const NO_SINK = Object.freeze(createSinkCounters());

type Counters = Readonly<BrokerCounters>;

/** Counters and gauges of this node. */
export class LocalMetrics implements MetricsService {
  readonly #inspector: Inspector;
  readonly #store: Store;
  readonly #webHook: () => Readonly<SinkCounters> | undefined;
  readonly #logLinesLeftOut: () => number;

  constructor(
    inspector: Inspector,
    store: Store,
    webHook: () => Readonly<SinkCounters> | undefined = () => undefined,
    logLinesLeftOut: () => number = () => 0,
  ) {
    this.#inspector = inspector;
    this.#store = store;
    this.#webHook = webHook;
    this.#logLinesLeftOut = logLinesLeftOut;
  }

  read(): Promise<MetricsView> {
    const { counters } = this.#inspector;
    return Promise.resolve({
      ...traffic(counters),
      ...messages(counters),
      queued: {
        messages: counters.sessions.queuedMessages,
        bytes: counters.sessions.queuedBytes,
      },
      inflight: counters.sessions.inflight,
      retained: {
        messages: this.#inspector.gauges.retained.count,
        bytes: this.#inspector.retainedBytes,
        refused: counters.retainedRefused,
      },
      delayed: {
        ...this.#inspector.delayed,
        accepted: counters.delayed,
        published: counters.delayedPublished,
        expired: counters.delayedExpired,
        refused: counters.delayedRefused,
        invalid: counters.delayedInvalid,
      },
      webHook: { ...this.#webHook() ?? NO_SINK },
      logLinesLeftOut: this.#logLinesLeftOut(),
      ...lives(counters),
      store: this.#storeFigures(counters.ackPauses),
      commitSeconds: histogramView(this.#store.counters.commitSeconds),
      deliverySeconds: histogramView(counters.deliverySeconds),
    });
  }

  stats(): Promise<StatsView> {
    const { gauges } = this.#inspector;
    return Promise.resolve({
      connections: statView(gauges.connections),
      sessions: statView(gauges.sessions),
      persistentSessions: statView(gauges.persistentSessions),
      routes: statView(gauges.routes),
      subscribers: statView(gauges.subscribers),
      connectedSubscribers: statView(gauges.connectedSubscribers),
      subscriptions: statView(gauges.subscriptions),
      sharedSubscriptions: statView(gauges.sharedSubscriptions),
      retained: statView(gauges.retained),
    });
  }

  #storeFigures(ackPauses: number): MetricsView["store"] {
    const { counters, waitingChanges, waitingBytes, failure } = this.#store;
    const { commits, failures, repairs, lostMessages, bytesWritten } = counters;
    return {
      commits,
      failures,
      repairs,
      lostMessages,
      bytesWritten,
      waitingChanges,
      waitingBytes,
      ackPauses,
      isFailing: failure !== undefined,
    };
  }
}

function traffic(counters: Counters): Omit<MetricsView, MessageKey | LifeKey | OtherKey> {
  const both = (type: PacketType): PacketFigures => ({
    received: counters.received(type),
    sent: counters.sent(type),
  });
  return {
    bytes: { received: counters.bytesReceived, sent: counters.bytesSent },
    payloadBytes: { received: counters.publishBytesReceived, sent: counters.publishBytesSent },
    packets: { received: counters.packetsReceived, sent: counters.packetsSent },
    connect: counters.received(PacketType.connect),
    connack: counters.sent(PacketType.connack),
    publish: both(PacketType.publish),
    puback: both(PacketType.puback),
    pubrec: both(PacketType.pubrec),
    pubrel: both(PacketType.pubrel),
    pubcomp: both(PacketType.pubcomp),
    subscribe: counters.received(PacketType.subscribe),
    suback: counters.sent(PacketType.suback),
    unsubscribe: counters.received(PacketType.unsubscribe),
    unsuback: counters.sent(PacketType.unsuback),
    pingreq: counters.received(PacketType.pingreq),
    pingresp: counters.sent(PacketType.pingresp),
    disconnect: both(PacketType.disconnect),
    auth: both(PacketType.auth),
    missed: {
      puback: counters.pubackMissed,
      pubrec: counters.pubrecMissed,
      pubrel: counters.pubrelMissed,
      pubcomp: counters.pubcompMissed,
    },
  };
}

function messages(counters: Counters): Pick<MetricsView, MessageKey> {
  const { droppedExpired, droppedQueueFull, droppedTooLarge, droppedSlow } = counters.sessions;
  return {
    messagesReceived: byQos(
      counters.publishReceivedAt(0),
      counters.publishReceivedAt(1),
      counters.publishReceivedAt(2),
    ),
    messagesSent: byQos(
      counters.publishSentAt(0) - counters.sysSentQos0,
      counters.publishSentAt(1) - counters.sysSentQos1,
      counters.publishSentAt(2) - counters.sysSentQos2,
    ),
    sysMessagesSent: counters.sysSentQos0 + counters.sysSentQos1 + counters.sysSentQos2,
    messagesResent: counters.publishResent,
    messagesFromApi: counters.publishedByApi,
    messagesWithoutSubscriber: counters.publishUnmatched,
    messagesForwarded: counters.forwarded,
    messagesRefused: counters.publishRefused,
    dropped: {
      total: counters.droppedMessages,
      expired: droppedExpired,
      queueFull: droppedQueueFull,
      tooLarge: droppedTooLarge,
      slow: droppedSlow,
      qos2OverLimit: counters.qos2OverLimit,
      qos2NotReleased: counters.qos2NotReleased,
    },
  };
}

function lives(counters: Counters): Pick<MetricsView, LifeKey> {
  return {
    connections: {
      accepted: counters.connectionsAccepted,
      refused: counters.connectionsRefused,
      acceptErrors: counters.acceptErrors,
      connected: counters.connected,
      disconnected: counters.disconnected,
      connectsRefused: counters.connectsRefused,
      authenticationFailures: counters.authenticationFailures,
      anonymous: counters.connectedAnonymous,
      banned: counters.bansRefused,
      keepAliveTimeouts: counters.keepAliveTimeouts,
      protocolErrors: counters.protocolErrors,
    },
    sessions: {
      created: counters.sessionsCreated,
      resumed: counters.sessionsResumed,
      takenOver: counters.sessionsTakenOver,
      expired: counters.sessionsExpired,
      ended: counters.sessionsEnded,
    },
    subscribesRefused: counters.subscribesRefused,
    subscribesNotAuthorized: counters.subscribesNotAuthorized,
  };
}

function byQos(qos0: number, qos1: number, qos2: number): QosFigures {
  return { qos0, qos1, qos2, total: qos0 + qos1 + qos2 };
}

function statView({ count, max }: Readonly<Gauge>): StatView {
  return { count, max };
}

function histogramView(histogram: Readonly<Histogram>): HistogramView {
  const { bounds, count, sum } = histogram;
  return { bounds, counts: histogram.cumulativeCounts(), count, sum };
}
