import type { Clock, Logger } from "../base/mod.ts";
import {
  CLIENT_EVENT_BITS,
  type ClientEvent,
  EventBit,
  type EventClient,
  type EventDropReason,
  type EventSink,
  type EventSource,
  type MessageGrant,
} from "../ports/mod.ts";
import {
  type Message,
  MessageOrigin,
  type MessagePublisher,
  type Publication,
  type SessionContext,
} from "../session/mod.ts";
import type { BrokerCounters } from "./counters.ts";

export interface EventHubParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counters: BrokerCounters;
  /** Sessions are told by it whether anybody wants to hear of their messages. */
  readonly context: Pick<SessionContext, "isDropWatched" | "isAckWatched">;
}

/** Events whose messages need an origin. */
export const MESSAGE_EVENTS: number = EventBit.messagePublish | EventBit.messageDeliver |
  EventBit.messageAcked | EventBit.messageDropped;
/** An error that comes with every message is told this often. */
const ERROR_PERIOD_MS = 60_000;

/**
 * Passes what happens on to whoever wants it, in the order of registration.
 *
 * Callers test `mask` before they make anything for an event: one that nobody wants costs that test.
 */
export class EventHub implements EventSource {
  /** The bits of all events that somebody wants. */
  mask = 0;
  readonly #parts: EventHubParts;
  /** Made anew with every change, so that an event that is under way reaches those that it was for. */
  #sinks: readonly EventSink[] = [];
  #loggedMs = -Infinity;

  constructor(parts: EventHubParts) {
    this.#parts = parts;
  }

  add(sink: EventSink): void {
    this.#sinks = [...this.#sinks, sink];
    this.refresh();
  }

  remove(sink: EventSink): void {
    this.#sinks = this.#sinks.filter((each) => each !== sink);
    this.refresh();
  }

  refresh(): void {
    this.mask = this.#sinks.reduce((mask, sink) => mask | sink.mask, 0);
    const { context } = this.#parts;
    context.isDropWatched = (this.mask & EventBit.messageDropped) !== 0;
    context.isAckWatched = (this.mask & EventBit.messageAcked) !== 0;
  }

  /** Whether anything has to be known of a message on that topic because somebody wants to hear of it. */
  isAbout(topic: string): boolean {
    const wanted = this.mask & MESSAGE_EVENTS;
    if (wanted !== EventBit.messagePublish) return wanted !== 0;
    for (const sink of this.#sinks) {
      if ((sink.mask & wanted) !== 0 && sink.wantsPublish?.(topic) !== false) return true;
    }
    return false;
  }

  /** Of a message that comes in now. */
  originOf(publisher: MessagePublisher): MessageOrigin {
    return new MessageOrigin(publisher, this.#parts.clock.nowMs());
  }

  published(publication: Publication): void {
    if (publication.origin === undefined && !this.isAbout(publication.topic)) return;
    const origin = this.#knownOrigin(publication);
    for (const sink of this.#sinks) {
      if ((sink.mask & EventBit.messagePublish) === 0) continue;
      try {
        sink.onPublish(publication, origin);
      } catch (error) {
        this.#note(error);
      }
    }
  }

  delivered(
    message: Publication | Message,
    receiver: EventClient,
    granted: MessageGrant,
  ): void {
    for (const sink of this.#sinks) {
      if ((sink.mask & EventBit.messageDeliver) === 0) continue;
      try {
        sink.onDeliver(message, receiver, granted);
      } catch (error) {
        this.#note(error);
      }
    }
  }

  acked(message: Message, receiver: EventClient, granted: MessageGrant): void {
    for (const sink of this.#sinks) {
      if ((sink.mask & EventBit.messageAcked) === 0) continue;
      try {
        sink.onAcked(message, receiver, granted);
      } catch (error) {
        this.#note(error);
      }
    }
  }

  /** `receiver`: the one that does not get it; undefined: nobody does. */
  dropped(
    message: Publication | Message,
    reason: EventDropReason,
    receiver: EventClient | undefined,
  ): void {
    const origin = this.#knownOrigin(message);
    for (const sink of this.#sinks) {
      if ((sink.mask & EventBit.messageDropped) === 0) continue;
      try {
        sink.onDropped(message, origin, reason, receiver);
      } catch (error) {
        this.#note(error);
      }
    }
  }

  client(event: ClientEvent): void {
    const bit = CLIENT_EVENT_BITS[event.type];
    for (const sink of this.#sinks) {
      if ((sink.mask & bit) === 0) continue;
      try {
        sink.onClient(event);
      } catch (error) {
        this.#note(error);
      }
    }
  }

  /** A message that waited since nobody wanted to hear of it has but the name of its publisher. */
  #knownOrigin({ origin, publisherId }: Publication | Message): MessageOrigin {
    return origin ??
      this.originOf({ clientId: publisherId, username: undefined, peername: undefined });
  }

  #note(error: unknown): void {
    const { clock, logger, counters } = this.#parts;
    counters.eventErrors++;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#loggedMs < ERROR_PERIOD_MS) return;
    this.#loggedMs = nowMs;
    logger.error("A receiver of events has failed: this is a bug", {
      error: error instanceof Error ? error.stack ?? error.message : String(error),
      failures: counters.eventErrors,
    });
  }
}
