/**
 * What a session costs for each message: `deno run -A tests/bench/session_bench.ts`, or the same with `bun`.
 *
 * The outlet encodes the frame as a connection does, and appends it nowhere: that is in `outbound_bench.ts`.
 */
import { SystemClock } from "../../src/base/mod.ts";
import { decodePublish, PublishView, type Qos, ReasonCode } from "../../src/mqtt/mod.ts";
import {
  createSessionCounters,
  type FramedMessage,
  FrameRun,
  NO_IDENTIFIERS,
  type Outlet,
  Pace,
  Publication,
  type PublishRun,
  Session,
  type SessionContext,
  type SessionLimits,
} from "../../src/session/mod.ts";
import { publishTemplate } from "./load/frames.ts";
import { Bench } from "./timing.ts";

const OPERATIONS = 1000;
const QUOTA = 32;
const TOPIC = "bench/1/telemetry/temp";
const topicBytes = new TextEncoder().encode(TOPIC);

type Group = Record<string, never>;

class CountingOutlet implements Outlet {
  readonly version = 4;
  readonly isFull = false;
  readonly forwardsRuns = true;
  bytes = 0;
  lastPacketId = 0;

  publish(
    publication: Publication,
    qos: Qos,
    retain: boolean,
    _dup: boolean,
    _identifiers: readonly number[],
    packetId: number,
  ): boolean {
    this.bytes += publication.frame(4, qos, retain).length;
    this.lastPacketId = packetId;
    return true;
  }

  canPublishRun(): boolean {
    return true;
  }

  publishRun({ start, end }: PublishRun): void {
    this.bytes += end - start;
  }

  canForward(): boolean {
    return true;
  }

  forward(message: FramedMessage, packetId: number): void {
    this.bytes += message.length;
    this.lastPacketId = packetId;
  }

  forwardRun({ start, end, count, packetIds }: FrameRun): void {
    this.bytes += end - start;
    this.lastPacketId = packetIds[count - 1] as number;
  }

  release(packetId: number): void {
    this.lastPacketId = packetId;
  }
}

const LIMITS: SessionLimits = {
  queuedMessagesMax: 1000,
  queuedBytesMax: 64 << 20,
  inflightBytesMax: Infinity,
  whenFull: "drop_oldest",
  queueQos0Offline: false,
};

function createContext(): SessionContext {
  const counters = createSessionCounters();
  return {
    limits: LIMITS,
    counters,
    clock: new SystemClock(),
    carrier: new Publication(),
    run: new FrameRun(),
    pace: new Pace(),
    isRetained: () => false,
    isGuarded: false,
    isDropWatched: false,
    isAckWatched: false,
  };
}

function viewOf(qos: Qos): PublishView {
  const { bytes, packetIdAt } = publishTemplate({
    topic: TOPIC,
    payloadBytes: 64,
    qos,
    version: 4,
    deliveries: 1,
  });
  if (packetIdAt >= 0) bytes[packetIdAt + 1] = 7;
  const view = new PublishView();
  decodePublish(view, bytes, 0, 2, bytes.length, 4);
  return view;
}

const views: Readonly<Record<Qos, PublishView>> = { 0: viewOf(0), 1: viewOf(1), 2: viewOf(2) };
const publication = new Publication();

function offer(session: Session<Group>, qos: Qos): void {
  publication.loadView(views[qos], TOPIC, topicBytes, "publisher", false, 0);
  session.offer(publication, qos, false, NO_IDENTIFIERS, undefined);
}

const bench = new Bench("session");

function online(survives: boolean): { session: Session<Group>; outlet: CountingOutlet } {
  const session = new Session<Group>("subscriber", createContext());
  session.survives = survives;
  const outlet = new CountingOutlet();
  session.attach(outlet, QUOTA);
  return { session, outlet };
}

{
  const { session, outlet } = online(false);
  bench.measure("offer, QoS 0", OPERATIONS, () => {
    for (let i = 0; i < OPERATIONS; i++) offer(session, 0);
    return outlet.bytes;
  });
}

for (const survives of [false, true]) {
  const kind = survives ? "session that is kept" : "clean session";
  const { session, outlet } = online(survives);
  bench.measure(`offer and acknowledge, QoS 1, ${kind}`, OPERATIONS, () => {
    for (let i = 0; i < OPERATIONS; i++) {
      offer(session, 1);
      session.acknowledge(outlet.lastPacketId);
    }
    return outlet.bytes;
  });
  const second = online(survives);
  bench.measure(`offer, received, complete, QoS 2, ${kind}`, OPERATIONS, () => {
    for (let i = 0; i < OPERATIONS; i++) {
      offer(second.session, 2);
      const id = second.outlet.lastPacketId;
      second.session.received(id, ReasonCode.success);
      second.session.complete(id);
    }
    return second.outlet.bytes;
  });
}

/** The client is always a whole quota behind: each message waits in the queue for an acknowledgement. */
{
  const { session, outlet } = online(false);
  let oldest = 1;
  for (let i = 0; i < QUOTA + 100; i++) offer(session, 1);
  bench.measure("queue path: offer to a full quota, acknowledge, pump", OPERATIONS, () => {
    for (let i = 0; i < OPERATIONS; i++) {
      offer(session, 1);
      session.acknowledge(oldest);
      oldest = oldest === 65535 ? 1 : oldest + 1;
    }
    return outlet.bytes + session.queuedMessages;
  });
}

{
  const session = new Session<Group>("away", createContext());
  session.survives = true;
  for (let i = 0; i < LIMITS.queuedMessagesMax; i++) offer(session, 1);
  bench.measure("queue path: offer to a full queue of a client that is away", OPERATIONS, () => {
    for (let i = 0; i < OPERATIONS; i++) offer(session, 1);
    return session.queuedMessages;
  });
}
bench.finish();
