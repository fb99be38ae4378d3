import { EventBit } from "../ports/mod.ts";
import { type EventName, isEventName, RULE_EVENTS } from "./sql/events.ts";

/** Events that rules may be about, in the order in which they are listed. */
export const EVENT_NAMES = RULE_EVENTS;
export { type EventName, isEventName };

/** The bit of each in `EventSink.mask`. */
export const EVENT_BITS: Readonly<Record<EventName, number>> = {
  "message.publish": EventBit.messagePublish,
  "message.deliver": EventBit.messageDeliver,
  "message.acked": EventBit.messageAcked,
  "message.dropped": EventBit.messageDropped,
  "client.connected": EventBit.clientConnected,
  "client.disconnected": EventBit.clientDisconnected,
  "client.subscribe": EventBit.clientSubscribe,
  "client.unsubscribe": EventBit.clientUnsubscribe,
  "session.subscribed": EventBit.sessionSubscribed,
  "session.unsubscribed": EventBit.sessionUnsubscribed,
};

/** Hooks of EMQX 3.1 that a rule may be for; of these only the first eight ever fire it. */
export const HOOK_NAMES = [
  ...EVENT_NAMES.slice(0, 8),
  "client.authenticate",
  "client.check_acl",
  "session.created",
  "session.resumed",
  "session.subscribed",
  "session.unsubscribe",
  "session.unsubscribed",
  "session.terminated",
] as readonly string[];

const FIRING_HOOKS: readonly string[] = EVENT_NAMES.slice(0, 8);

/** The event that a rule of EMQX 3.1 for this hook fires on; undefined: none. */
export function eventOfHook(hook: string): EventName | undefined {
  return FIRING_HOOKS.includes(hook) ? hook as EventName : undefined;
}
