import type { Clock, LogFields, Logger, MaybePromise } from "../base/mod.ts";
import type { Action, Authorizer, Identity } from "../ports/mod.ts";
import type { Route, Router } from "../routing/mod.ts";
import type { SessionContext } from "../session/mod.ts";
import type { ClientSession } from "./client_session.ts";
import type { BrokerCounters } from "./counters.ts";
import { LineBudget } from "./line_budget.ts";

export interface PermissionsParts {
  readonly authorizer: Authorizer;
  readonly router: Router<ClientSession>;
  readonly context: SessionContext;
  readonly counters: BrokerCounters;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a connection keeps about what its client may do. */
export class Permit {
  /** To its topic the client with this identity may publish, as of `revision`. */
  route: Route<ClientSession> | undefined;
  identity: Identity | undefined;
  revision = 0;
  /** Made with the first denial. */
  denials: LineBudget | undefined;
}

/** A connection whose client publishes and subscribes. */
export interface PermitHolder {
  readonly identity: Identity | undefined;
  readonly permit: Permit;
}

/** Lines in the log, in a period, about what one connection and all together were denied. */
const CONNECTION_LINES_MAX = 5;
const ALL_LINES_MAX = 100;
const LINES_PERIOD_MS = 10_000;
/** Characters of a name that a client has chosen. */
const SHOWN_LENGTH_MAX = 200;

/**
 * Asks the authorizer wherever something goes in or out, and remembers what must not cost anything twice:
 *
 * - Publishing: a connection keeps the route that it may publish to.
 * - Delivery: routes are made without those who may not read their topic, and made again when rules change, or the
 *   identity behind a session. What waits in a session (queue, in flight, retained messages) is judged when it is sent,
 *   by the rules of that moment and for the identity of that moment.
 *
 * An authorizer that fails denies. Where nothing is restricted all this costs the test of one boolean.
 */
export class Permissions {
  /** Whether anybody may be denied anything. */
  isActive = false;
  readonly #parts: PermissionsParts;
  readonly #allLines = new LineBudget(ALL_LINES_MAX, LINES_PERIOD_MS);
  /** Some client brought rules of its own: they count whether there are others or not. */
  #hasOwnRules = false;
  /** Some client is behind a mountpoint, which is as good as a rule. */
  #hasMountpoints = false;

  constructor(parts: PermissionsParts) {
    this.#parts = parts;
    parts.authorizer.onChange = () => this.#renew();
    if (parts.authorizer.isActive) this.#renew();
  }

  get revision(): number {
    return this.#parts.authorizer.revision;
  }

  /** Whether clients that try what is denied are disconnected. */
  get disconnects(): boolean {
    return this.#parts.authorizer.denyAction === "disconnect";
  }

  /** Whether the holder has published to the route before, under the same rules. */
  isKnown(holder: PermitHolder, route: Route<ClientSession>): boolean {
    const { permit, identity } = holder;
    return permit.route === route && permit.identity === identity &&
      permit.revision === this.revision;
  }

  /** Whether the holder may publish to the topic of the route. What was answered at once is kept. */
  mayPublishTo(holder: PermitHolder, route: Route<ClientSession>): MaybePromise<boolean> {
    const answer = this.mayPublish(holder.identity as Identity, route.topic, holder);
    if (answer === true) {
      holder.permit.route = route;
      holder.permit.identity = holder.identity;
      holder.permit.revision = this.revision;
    }
    return answer;
  }

  /** `holder`: whose connection it is about, if it is about one. */
  mayPublish(identity: Identity, topic: string, holder?: PermitHolder): MaybePromise<boolean> {
    const isJudged = this.isActive || (identity.aclRules?.length ?? 0) > 0;
    return !isJudged || this.#ask(identity, "publish", topic, holder);
  }

  /** `filter`: with mountpoint, and `$share/…` in front of it. */
  maySubscribe(holder: PermitHolder, filter: string): MaybePromise<boolean> {
    if (!this.isActive) return true;
    return this.#ask(holder.identity as Identity, "subscribe", filter, holder);
  }

  /** Whether a message may go to the client of the session, or wait for it. What may not is counted. */
  mayReceive(session: ClientSession, topic: string, shareName: string): boolean {
    if (this.#isReadable(session, topic, shareName)) return true;
    this.#parts.counters.aclDeniedReceive++;
    return false;
  }

  /** Messages that this many subscribers did not get, because the route was made without them. */
  noteWithheld(count: number): void {
    this.#parts.counters.aclDeniedReceive += count;
  }

  /** The session belongs to the client with this identity now, and what it may read counts from now on. */
  adopt(session: ClientSession, identity: Identity, mountpoint: string): void {
    const before = session.identity;
    const isSame = before !== undefined && session.mountpoint === mountpoint &&
      this.#parts.authorizer.isSame(before, identity);
    session.permissions = this;
    session.identity = identity;
    session.mountpoint = mountpoint;
    const bringsRules = (identity.aclRules?.length ?? 0) > 0;
    if ((bringsRules && !this.#hasOwnRules) || (mountpoint !== "" && !this.#hasMountpoints)) {
      this.#hasOwnRules ||= bringsRules;
      this.#hasMountpoints ||= mountpoint !== "";
      this.#renew();
    } else if (this.isActive && !isSame) {
      for (const { filter, shareName } of session.subscriptions.values()) {
        if (shareName === "") this.#parts.router.renew(filter);
      }
    }
  }

  /** Other rules: nothing that was found out before counts. */
  #renew(): void {
    const { authorizer, router, context } = this.#parts;
    this.isActive = authorizer.isActive || this.#hasOwnRules || this.#hasMountpoints;
    context.isGuarded = this.isActive;
    router.guard = this.isActive
      ? (session, topic) => this.#isReadable(session, topic, "")
      : undefined;
  }

  #ask(
    identity: Identity,
    action: Action,
    topic: string,
    holder: PermitHolder | undefined,
  ): MaybePromise<boolean> {
    let answer: ReturnType<Authorizer["authorize"]>;
    try {
      answer = this.#parts.authorizer.authorize(identity, action, topic);
    } catch (error) {
      return this.#failed(identity, action, topic, error);
    }
    if (answer === "allow") return true;
    if (answer === "deny") return this.#denied(identity, action, topic, holder);
    return answer.then(
      (late) => late === "allow" || this.#denied(identity, action, topic, holder),
      (error: unknown) => this.#failed(identity, action, topic, error),
    );
  }

  #isReadable(session: ClientSession, topic: string, shareName: string): boolean {
    const { identity, mountpoint } = session;
    // Nobody knows yet who will come for what waits; it is judged then.
    if (identity === undefined) return true;
    try {
      const isReadable = isBehind(mountpoint, topic) &&
        this.#parts.authorizer.mayReceive(identity, topic, shareName);
      if (!isReadable) this.#logWithheld(session, identity, topic, shareName);
      return isReadable;
    } catch (error) {
      return this.#failed(identity, "receive", topic, error);
    }
  }

  #denied(
    identity: Identity,
    action: Action,
    topic: string,
    holder: PermitHolder | undefined,
  ): false {
    const { counters, logger, clock } = this.#parts;
    if (action === "publish") counters.aclDeniedPublish++;
    else counters.aclDeniedSubscribe++;
    if (!logger.isEnabled("info")) return false;
    const lines = holder === undefined
      ? undefined
      : holder.permit.denials ??= new LineBudget(CONNECTION_LINES_MAX, LINES_PERIOD_MS);
    const nowMs = clock.monotonicMs();
    if (lines?.take(nowMs) === false || !this.#allLines.take(nowMs)) return false;
    const leftOut = lines?.takeLeftOut() ?? 0;
    logger.info(`Denied ${action}`, {
      ...this.#fields(identity, action, topic),
      leftOut: leftOut === 0 ? undefined : leftOut,
    });
    return false;
  }

  #logWithheld(session: ClientSession, identity: Identity, topic: string, share: string): void {
    const { logger, clock } = this.#parts;
    if (!logger.isEnabled("debug") || !this.#allLines.take(clock.monotonicMs())) return;
    if (!isBehind(session.mountpoint, topic)) {
      logger.debug("Withheld a message from behind a mountpoint", {
        clientId: shown(identity.clientId),
        topic: shown(topic),
        mountpoint: session.mountpoint,
      });
      return;
    }
    const asked = share === "" ? topic : `$share/${share}/${topic}`;
    logger.debug("Withheld a message", this.#fields(identity, "receive", asked));
  }

  /** Whatever is wrong with the authorizer, nobody profits from it. */
  #failed(identity: Identity, action: Action | "receive", topic: string, error: unknown): false {
    const { counters, logger, clock } = this.#parts;
    counters.aclErrors++;
    if (!this.#allLines.take(clock.monotonicMs())) return false;
    logger.error(`Denied ${action}: the authorizer has failed`, {
      clientId: shown(identity.clientId),
      username: identity.username === undefined ? undefined : shown(identity.username),
      topic: shown(topic),
      error: error instanceof Error ? error : String(error),
    });
    return false;
  }

  #fields(identity: Identity, action: Action | "receive", topic: string): LogFields {
    const { source, rule } = this.#parts.authorizer.explain(identity, action, topic);
    return {
      clientId: shown(identity.clientId),
      username: identity.username === undefined ? undefined : shown(identity.username),
      address: identity.remoteAddress,
      topic: shown(topic),
      source,
      rule: shown(rule),
    };
  }
}

/** Something must be left for the client to be told. */
function isBehind(mountpoint: string, topic: string): boolean {
  return mountpoint === "" || (topic.length > mountpoint.length && topic.startsWith(mountpoint));
}

function shown(text: string): string {
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text;
}
