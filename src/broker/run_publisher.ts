import { decodePublish, PacketType, PublishView, ReasonCode } from "../mqtt/mod.ts";
import type { Recipient, Route } from "../routing/mod.ts";
import { PublishRun, RUN_FRAMES_MAX, WIDE_RECEIVERS } from "../session/mod.ts";
import type { BrokerCore } from "./broker_core.ts";
import type { ClientConnection } from "./client_connection.ts";
import type { ClientSession } from "./client_session.ts";
import { deliverRun, lowerQos } from "./delivery.ts";
import { checkQuota } from "./handle_publish.ts";

export type RunPublisherParts = Pick<
  BrokerCore,
  "pipeline" | "permissions" | "counters" | "scratch"
>;

/** Deliveries one by one that a run may lead to: so much work is one turn's. */
const SINGLE_DELIVERIES_MAX = 10_000;
/** So many get a copy of bytes that will be written to again; for more they are copied once, for all. */
const FEW_RECEIVERS = 2;
const DOLLAR = 0x24;

/**
 * Messages that follow each other in what a client sent, on one topic, at one QoS and as plain as can be, are delivered
 * together: each receiver is looked at once for all of them. Nothing else of the client is handled, and nobody else's,
 * between the first of them and their delivery and acknowledgement; what this changes is the cost.
 */
export class RunPublisher {
  readonly #core: RunPublisherParts;
  readonly #run = new PublishRun();
  readonly #view = new PublishView();
  /** Who cannot take the run as it is. */
  readonly #others: Recipient<ClientSession>[] = [];
  #from: ClientConnection | undefined;
  #route: Route<ClientSession> | undefined;
  /** Of the run that has begun. */
  #framesMax = 0;

  constructor(core: RunPublisherParts) {
    this.#core = core;
  }

  /**
   * Takes the message that `view` shows; `isOwned`: its bytes are in a buffer of their own, which soon serves another.
   * False: it is to be delivered by itself, and what was taken before has been delivered.
   */
  take(
    from: ClientConnection,
    route: Route<ClientSession>,
    view: PublishView,
    bodyStart: number,
    isOwned: boolean,
  ): boolean {
    const run = this.#run;
    if (run.count > 0) {
      if (
        route === this.#route && run.count < this.#framesMax && run.isFollowedBy(view) &&
        PublishRun.isPlain(view) && this.#receive(from, view)
      ) {
        run.add(view, bodyStart);
        return true;
      }
      this.deliver();
    }
    // The last of a chunk has nothing to wait for.
    const isAlone = isOwned || view.frameEnd === view.bytes.length;
    if (isAlone && (view.qos > 0 || route.recipients.length < WIDE_RECEIVERS)) return false;
    if (!PublishRun.isPlain(view) || !this.#mayRun(from, route)) return false;
    this.#framesMax = from.runFramesMax;
    if (view.qos > 0 && (!this.#hasRoom(from, route, view) || !this.#receive(from, view))) {
      return false;
    }
    run.begin(view, bodyStart, from.socket.chunksAreStable && !isOwned);
    if (view.qos > 0) {
      run.topic = route.topic;
      run.topicBytes = route.topicBytes;
      run.publisherId = from.session?.clientId ?? "";
    }
    this.#from = from;
    this.#route = route;
    if (isOwned) this.deliver();
    return true;
  }

  /** What has to be done with a message as it comes. False: it is a repetition, and has been delivered. */
  #receive(from: ClientConnection, { qos, packetId }: PublishView): boolean {
    const { session } = from;
    if (qos === 0 || session === undefined) return qos === 0;
    if (qos === 2 && !session.receive(packetId)) return false;
    checkQuota(from, session, qos);
    return true;
  }

  /**
   * Whether a run of QoS 1 or 2 may begin, and how long it may be: nobody's queue may become so full by it that the publisher
   * would have had to give way in its midst, and what goes to the disk is noted message by message.
   */
  #hasRoom(
    from: ClientConnection,
    { recipients }: Route<ClientSession>,
    { qos }: PublishView,
  ): boolean {
    if (qos === 2 && from.session?.journal !== undefined) return false;
    let room = Math.min(this.#framesMax, SINGLE_DELIVERIES_MAX / recipients.length);
    for (let index = 0; index < recipients.length && room >= 2; index++) {
      room = Math.min(room, (recipients[index] as Recipient<ClientSession>).subscriber.roomForRun);
    }
    this.#framesMax = Math.floor(room);
    return room >= 2;
  }

  #mayRun(from: ClientConnection, route: Route<ClientSession>): boolean {
    if (from.runFramesMax < 0) {
      const receivers = Math.max(1, route.recipients.length);
      const most = Math.max(1, Math.floor(SINGLE_DELIVERIES_MAX / receivers));
      from.runFramesMax = Math.min(RUN_FRAMES_MAX, most);
    }
    return from.runFramesMax > 0 && route.recipients.length > 0 && route.groups.length === 0 &&
      from.mountpoint === undefined && route.topic.charCodeAt(0) !== DOLLAR &&
      this.#core.pipeline.isPlain(route, from);
  }

  /** Delivers what was taken, if anything was. */
  deliver(): void {
    if (this.#run.count === 0) return;
    try {
      this.#deliver(this.#run);
    } finally {
      this.#run.clear();
      this.#others.length = 0;
      this.#from = undefined;
      this.#route = undefined;
    }
  }

  #deliver(run: PublishRun): void {
    const { count } = run;
    const [from, route] = [this.#from as ClientConnection, this.#route as Route<ClientSession>];
    const { recipients, withheldCount } = route;
    const others = this.#others;
    run.receivers = recipients.length;
    const isSettled = recipients.length >= WIDE_RECEIVERS ||
      (!run.isStable && recipients.length > FEW_RECEIVERS);
    // What is stamped is copied to each.
    if (run.qos === 0 && isSettled) run.settle();
    const { counters, permissions } = this.#core;
    if (withheldCount > 0) permissions.noteWithheld(withheldCount * count);
    const matched = deliverRun(run, recipients, from.session, others);
    if (matched === 0) counters.publishUnmatched += count;
    // Of messages that are acknowledged, each has to be stamped, and often to be sent later.
    from.spend(run.qos === 0 ? recipients.length : recipients.length * count >> 1);
    if (others.length > 0) this.#deliverSingly(from, route);
    else from.runFramesMax = Math.min(RUN_FRAMES_MAX, from.runFramesMax * 2);
    if (run.qos > 0) this.#acknowledge(from, run, matched);
  }

  #acknowledge(from: ClientConnection, run: PublishRun, matched: number): void {
    const type = run.qos === 1 ? PacketType.puback : PacketType.pubrec;
    const reasonCode = matched > 0 ? ReasonCode.success : ReasonCode.noMatchingSubscribers;
    for (let index = 0; index < run.count && from.isConnected; index++) {
      from.acknowledge(type, run.packetIds[index] as number, reasonCode, 0); // [MQTT-4.3.2-4]
    }
  }

  #deliverSingly(from: ClientConnection, route: Route<ClientSession>): void {
    const [run, view, others] = [this.#run, this.#view, this.#others];
    const { publication } = this.#core.scratch;
    const publisherId = from.session?.clientId ?? "";
    const { topic, topicBytes } = route;
    const { length } = others;
    const isFor = Math.floor(SINGLE_DELIVERIES_MAX / length);
    // Where most are such, messages are better delivered one by one from the start.
    from.runFramesMax = length * 2 > route.recipients.length ? 0 : Math.max(1, isFor);
    for (let index = 0; index < run.count; index++) {
      const [start, body, end] = [run.frameStart(index), run.bodyStart(index), run.frameEnd(index)];
      decodePublish(view, run.bytes, start, body, end, run.version);
      publication.loadView(view, topic, topicBytes, publisherId, run.isStable, 0);
      publication.expectReceivers(route.recipients.length, run.isStable);
      for (let at = 0; at < length; at++) {
        const { subscriber, qos, identifiers } = others[at] as Recipient<ClientSession>;
        subscriber.offer(publication, lowerQos(run.qos, qos), false, identifiers, undefined);
      }
    }
    from.spend(length * run.count);
  }
}
