import type { MetricsView, RuleTotals } from "../../management/mod.ts";

/** The 43 metrics of 3.1. `countsApi`: messages that came by HTTP count as received, too. */
export function metricsOf(metrics: MetricsView, countsApi: boolean): Record<string, number> {
  const { messagesReceived, messagesSent, missed, dropped } = metrics;
  const received = messagesReceived.total + (countsApi ? metrics.messagesFromApi : 0);
  return {
    "bytes/received": metrics.bytes.received,
    "bytes/sent": metrics.bytes.sent,
    "packets/received": metrics.packets.received,
    "packets/sent": metrics.packets.sent,
    "packets/connect": metrics.connect,
    "packets/connack": metrics.connack,
    "packets/publish/received": metrics.publish.received,
    "packets/publish/sent": metrics.publish.sent,
    ...acknowledgements(metrics, missed),
    "packets/subscribe": metrics.subscribe,
    "packets/suback": metrics.suback,
    "packets/unsubscribe": metrics.unsubscribe,
    "packets/unsuback": metrics.unsuback,
    "packets/pingreq": metrics.pingreq,
    "packets/pingresp": metrics.pingresp,
    "packets/disconnect/received": metrics.disconnect.received,
    "packets/disconnect/sent": metrics.disconnect.sent,
    "packets/auth": metrics.auth.received + metrics.auth.sent,
    "messages/received": received,
    "messages/sent": messagesSent.total,
    "messages/qos0/received": messagesReceived.qos0,
    "messages/qos0/sent": messagesSent.qos0,
    "messages/qos1/received": messagesReceived.qos1,
    "messages/qos1/sent": messagesSent.qos1,
    "messages/qos2/received": messagesReceived.qos2,
    "messages/qos2/sent": messagesSent.qos2,
    "messages/qos2/expired": dropped.qos2NotReleased,
    "messages/qos2/dropped": dropped.qos2OverLimit,
    "messages/retained": metrics.retained.messages,
    "messages/dropped": metrics.messagesWithoutSubscriber,
    "messages/expired": dropped.expired,
    "messages/forward": metrics.messagesForwarded,
  };
}

function acknowledgements(
  metrics: MetricsView,
  missed: MetricsView["missed"],
): Record<string, number> {
  const names = ["puback", "pubrec", "pubrel", "pubcomp"] as const;
  return Object.fromEntries(names.flatMap((name) => [
    [`packets/${name}/received`, metrics[name].received],
    [`packets/${name}/sent`, metrics[name].sent],
    [`packets/${name}/missed`, missed[name]],
  ]));
}

/** Names that 3.2 has another way than with dots in the place of slashes. */
const RENAMED: Readonly<Record<string, string>> = {
  "packets/connect": "packets.connect.received",
  "packets/connack": "packets.connack.sent",
  "packets/subscribe": "packets.subscribe.received",
  "packets/suback": "packets.suback.sent",
  "packets/unsubscribe": "packets.unsubscribe.received",
  "packets/unsuback": "packets.unsuback.sent",
  "packets/pingreq": "packets.pingreq.received",
  "packets/pingresp": "packets.pingresp.sent",
};

/** The names of 3.2, and what it counts beside them. */
export function dotted(
  named: Readonly<Record<string, number>>,
  metrics: MetricsView,
  rules: RuleTotals,
): Record<string, number> {
  const { "packets/auth": _auth, ...rest } = named;
  const { connections } = metrics;
  return {
    ...Object.fromEntries(
      Object.entries(rest).map(([name, value]) => [
        RENAMED[name] ?? name.replaceAll("/", "."),
        value,
      ]),
    ),
    "packets.auth.received": metrics.auth.received,
    "packets.auth.sent": metrics.auth.sent,
    "packets.connack.error": connections.connectsRefused,
    "packets.connack.auth_error": connections.authenticationFailures,
    "packets.publish.auth_error": metrics.messagesRefused,
    "packets.subscribe.error": metrics.subscribesRefused,
    "packets.subscribe.auth_error": metrics.subscribesNotAuthorized,
    "auth.mqtt.anonymous": connections.anonymous,
    "rules.matched": rules.matched,
    "actions.success": rules.success,
    "actions.failure": rules.failed,
  };
}
