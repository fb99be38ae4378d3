/** The events that a rule may be about, in the order in which they are listed. */
export const RULE_EVENTS = [
  "message.publish",
  "message.deliver",
  "message.acked",
  "message.dropped",
  "client.connected",
  "client.disconnected",
  "client.subscribe",
  "client.unsubscribe",
  "session.subscribed",
  "session.unsubscribed",
] as const;

export type EventName = (typeof RULE_EVENTS)[number];

export function isEventName(name: string): name is EventName {
  return (RULE_EVENTS as readonly string[]).includes(name);
}
