import { isPromise, then } from "../base/mod.ts";
import { parseTopicFilter, ReasonCode, type UnsubscribePacket } from "../mqtt/mod.ts";
import { EventBit } from "../ports/mod.ts";
import type { ClientConnection } from "./client_connection.ts";
import type { ClientSession } from "./client_session.ts";
import { inTurns } from "./in_turns.ts";

/** Filters that are taken back in one turn. */
const REMOVED_PER_TURN = 500;
/** Of each, as a connection counts it. */
const FILTER_WORK = 10;

/**
 * UNSUBSCRIBE: filters are compared as they are written [MQTT-3.10.4-1]; what waits is
 * still delivered.
 */
export function handleUnsubscribe(from: ClientConnection, packet: UnsubscribePacket): void {
  const { core, mountpoint } = from;
  const { durability, subscriptions, yieldTurn } = core;
  const { filters, packetId } = packet;
  const session = from.session as ClientSession;
  if (session.journal !== undefined && durability.isFailing) {
    refuseForNow(from, session, packet);
    return;
  }
  const reasonCodes: ReasonCode[] = [];
  tellUnsubscribe(from, session, filters);
  let ticket = 0;
  const isOver = (): boolean => !from.isConnected || from.session !== session;
  const removeSome = (): boolean => {
    if (isOver()) return true;
    durability.begin();
    const before = reasonCodes.length;
    for (
      const written of filters.slice(before, before + REMOVED_PER_TURN)
    ) {
      const filter = mountpoint?.mount(written, true) ?? written;
      const isRemoved = subscriptions.remove(session, filter);
      reasonCodes.push(isRemoved ? ReasonCode.success : ReasonCode.noSubscriptionExisted);
    }
    from.spend(FILTER_WORK * (reasonCodes.length - before));
    ticket = Math.max(ticket, durability.end());
    return reasonCodes.length === filters.length;
  };
  const reply = (): void => {
    if (isOver()) return;
    if (!from.out.send({ type: "unsuback", packetId, reasonCodes })) { // [MQTT-3.10.4-4]
      from.disconnect(ReasonCode.packetTooLarge, "UNSUBACK is larger than the client takes");
    }
  };
  const removed = inTurns(yieldTurn, removeSome);
  const done = then(then(removed, () => durability.committed(ticket)), reply);
  if (isPromise(done)) from.waitFor(done);
}

/**
 * What was taken back would be there again after a crash. Before 5.0 there is no way to say that: the packet stays without an
 * answer until the store can be written again, and then the client has to connect anew.
 */
function refuseForNow(
  from: ClientConnection,
  { subscriptions }: ClientSession,
  { filters, packetId }: UnsubscribePacket,
): void {
  if (from.version !== 5) {
    from.leaveUnanswered();
    return;
  }
  const reasonCodes = filters.map((written) =>
    subscriptions.has(from.mountpoint?.mount(written, true) ?? written)
      ? ReasonCode.implementationSpecificError
      : ReasonCode.noSubscriptionExisted
  );
  if (!from.out.send({ type: "unsuback", packetId, reasonCodes })) {
    from.disconnect(ReasonCode.packetTooLarge, "UNSUBACK is larger than the client takes");
  }
}

/** Filters that are none are left out; there may be nothing left. */
function tellUnsubscribe(
  { core: { events, clock }, mountpoint }: ClientConnection,
  session: ClientSession,
  written: readonly string[],
): void {
  if ((events.mask & EventBit.clientUnsubscribe) === 0) return;
  const filters = written.flatMap((filter) => {
    const parsed = parseTopicFilter(filter);
    if (!parsed.valid) return [];
    const topic = mountpoint?.mount(parsed.filter, false) ?? parsed.filter;
    return [{ topic, shareName: parsed.shareName ?? "" }];
  });
  if (filters.length === 0) return;
  events.client({
    type: "client.unsubscribe",
    client: session.eventClient,
    timestampMs: clock.nowMs(),
    filters,
  });
}
