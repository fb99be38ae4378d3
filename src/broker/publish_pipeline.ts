import { type Clock, isPromise, type MaybePromise } from "../base/mod.ts";
import { ReasonCode } from "../mqtt/mod.ts";
import { EventBit, type Identity, type Publisher, type PublishInterceptor } from "../ports/mod.ts";
import type { Route, Router } from "../routing/mod.ts";
import { type Message, plainMessage, Publication } from "../session/mod.ts";
import type { ClientSession } from "./client_session.ts";
import type { BrokerCounters } from "./counters.ts";
import type { DelayedMessages } from "./delayed_messages.ts";
import { deliver } from "./delivery.ts";
import { type EventHub, MESSAGE_EVENTS } from "./event_hub.ts";
import type { Permissions, PermitHolder } from "./permissions.ts";
import type { RetainedMessages } from "./retained_messages.ts";

export interface PublishPipelineParts {
  readonly clock: Clock;
  readonly router: Router<ClientSession>;
  readonly retained: RetainedMessages;
  readonly permissions: Permissions;
  readonly interceptors: readonly PublishInterceptor[];
  readonly counters: BrokerCounters;
  readonly events: EventHub;
  readonly delayed: DelayedMessages;
}

/** Publications kept for messages that do not come in a frame. */
const SPARE_PUBLICATIONS_MAX = 8;

/**
 * What every message goes through, whoever sent it, in this order: authorize, intercept, retain, route, deliver.
 *
 * The answer is the reason code for the sender. A promise means that somebody has to wait; the message owns its
 * bytes from then on.
 */
export class PublishPipeline implements Publisher {
  readonly #clock: Clock;
  readonly #router: Router<ClientSession>;
  readonly #retained: RetainedMessages;
  readonly #permissions: Permissions;
  readonly #interceptors: readonly PublishInterceptor[];
  readonly #counters: BrokerCounters;
  readonly #events: EventHub;
  readonly #delayed: DelayedMessages;
  readonly #spare: Publication[] = [];

  constructor(parts: PublishPipelineParts) {
    this.#clock = parts.clock;
    this.#router = parts.router;
    this.#retained = parts.retained;
    this.#permissions = parts.permissions;
    this.#interceptors = parts.interceptors;
    this.#counters = parts.counters;
    this.#events = parts.events;
    this.#delayed = parts.delayed;
  }

  /** Whether nothing but the route decides who gets what `from` sends there, and nobody wants to know of each message. */
  isPlain(route: Route<ClientSession>, from: PermitHolder): boolean {
    const events = this.#events;
    return this.#interceptors.length === 0 &&
      ((events.mask & MESSAGE_EVENTS) === 0 || !events.isAbout(route.topic)) &&
      (!this.#permissions.isActive || this.#permissions.isKnown(from, route));
  }

  /** Whether it has to be known where a message on that topic comes from: it may yet become one on another. */
  needsOrigin(topic: string): boolean {
    return this.#interceptors.length > 0 || this.#events.isAbout(topic);
  }

  /** A message that is still in its frame; `route` is the one of its topic, `from` whoever sent it. */
  publish(
    publication: Publication,
    route: Route<ClientSession>,
    from: PermitHolder,
    publisher: ClientSession | undefined,
  ): MaybePromise<ReasonCode> {
    const permissions = this.#permissions;
    if (permissions.isActive && !permissions.isKnown(from, route)) {
      const answer = permissions.mayPublishTo(from, route);
      if (isPromise(answer)) {
        return this.#judgedLater(answer, publication.own(), publisher);
      }
      if (!answer) return this.#refuse();
    }
    if (this.#interceptors.length > 0) return this.#intercept(publication.own(), publisher, 0);
    return this.#commit(publication, route, publisher);
  }

  /**
   * A message at rest: a will, `$SYS`, and whatever rules, bridges and HTTP send. `publisher`: does not get it where it
   * subscribes with no local.
   */
  publishMessage(
    message: Message,
    identity: Identity,
    publisher?: ClientSession,
  ): MaybePromise<ReasonCode> {
    const known = (this.#events.mask & MESSAGE_EVENTS) === 0
      ? message
      : this.#withOrigin(message, identity, publisher);
    if (this.#delayed.isDelayed(message.topic, 0)) {
      return this.#delayed.take(known, 0, identity, undefined);
    }
    const answer = this.#permissions.mayPublish(identity, message.topic);
    if (isPromise(answer)) {
      return this.#judgedLater(answer, known, publisher);
    }
    return this.#judged(answer, known, publisher);
  }

  #withOrigin(
    message: Message,
    { clientId, username }: Identity,
    publisher: ClientSession | undefined,
  ): Message {
    if (message.origin !== undefined) return message;
    const from = publisher?.eventClient ??
      { clientId: message.publisherId || clientId, username, peername: undefined };
    return { ...plainMessage(message), origin: this.#events.originOf(from) };
  }

  /** By itself, since a function that has another one in it costs memory each time it is called. */
  #judgedLater(
    answer: Promise<boolean>,
    message: Message,
    publisher: ClientSession | undefined,
  ): Promise<ReasonCode> {
    return answer.then((isAllowed) => this.#judged(isAllowed, message, publisher));
  }

  #judged(
    isAllowed: boolean,
    message: Message,
    publisher: ClientSession | undefined,
  ): MaybePromise<ReasonCode> {
    return isAllowed ? this.#intercept(message, publisher, 0) : this.#refuse();
  }

  #intercept(
    message: Message,
    publisher: ClientSession | undefined,
    from: number,
  ): MaybePromise<ReasonCode> {
    // Whoever exchanges a message spreads the old one, which must then have all its fields.
    let current = this.#interceptors.length === 0 ? message : plainMessage(message);
    for (let index = from; index < this.#interceptors.length; index++) {
      const answer = (this.#interceptors[index] as PublishInterceptor).intercept(current);
      if (isPromise(answer)) {
        return answer.then((late) =>
          late === "reject" ? this.#refuse() : this.#intercept(late, publisher, index + 1)
        );
      }
      if (answer === "reject") return this.#refuse();
      current = answer;
    }
    return this.#commitMessage(current, publisher);
  }

  #commitMessage(message: Message, publisher: ClientSession | undefined): ReasonCode {
    const publication = this.#spare.pop() ?? new Publication();
    publication.loadMessage(message, this.#clock.nowMs());
    const answer = this.#commit(publication, this.#router.route(message.topic), publisher);
    if (this.#spare.length < SPARE_PUBLICATIONS_MAX) this.#spare.push(publication);
    return answer;
  }

  #commit(
    publication: Publication,
    route: Route<ClientSession>,
    publisher: ClientSession | undefined,
  ): ReasonCode {
    const events = this.#events;
    if ((events.mask & EventBit.messagePublish) !== 0) events.published(publication);
    if (publication.retain) this.#retained.set(publication.own());
    const isGuarded = this.#permissions.isActive;
    if (isGuarded && route.withheldCount > 0) this.#permissions.noteWithheld(route.withheldCount);
    if (deliver(publication, route, publisher, isGuarded) > 0) return ReasonCode.success;
    if ((events.mask & EventBit.messageDropped) !== 0) {
      events.dropped(publication, "no_subscribers", undefined);
    }
    if (!publication.isSys) this.#counters.publishUnmatched++;
    return ReasonCode.noMatchingSubscribers;
  }

  #refuse(): ReasonCode {
    this.#counters.publishRefused++;
    return ReasonCode.notAuthorized;
  }
}
