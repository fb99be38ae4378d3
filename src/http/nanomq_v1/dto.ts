// deno-lint-ignore-file camelcase -- the spelling of the product, and nothing but it
import type { ClientView, MetricsView, StatsView, SubscriptionView } from "../../management/mod.ts";

/** `data` of `req` 2. */
export function statisticsDto(metrics: MetricsView, stats: StatsView): Record<string, number> {
  return {
    client_size: stats.connectedSubscribers.count,
    message_in: metrics.messagesReceived.total + metrics.messagesFromApi,
    message_out: metrics.messagesSent.total - metrics.messagesResent,
    message_drop: metrics.messagesWithoutSubscriber,
  };
}

/** One of `data` of `req` 4. */
export interface ClientSubscriptionsDto {
  readonly client_id: string;
  readonly subscriptions: { readonly topic: string; readonly qos: number }[];
}

/** Adds a row to the entry of its client. */
export function addSubscription(
  byClient: Map<string, ClientSubscriptionsDto>,
  { clientId, filter, qos }: SubscriptionView,
): void {
  const entry = byClient.get(clientId) ?? { client_id: clientId, subscriptions: [] };
  entry.subscriptions.push({ topic: filter, qos });
  byClient.set(clientId, entry);
}

/** One of `data` of `req` 5. */
export function clientDto(client: ClientView): Record<string, string | number> {
  const { received } = client.traffic;
  return {
    client_id: client.clientId,
    username: client.username ?? "",
    keepalive: client.keepAliveS,
    protocol: client.protocolVersion,
    connect_status: client.isConnected ? 1 : 0,
    message_receive: received.qos0 + received.qos1 + received.qos2,
  };
}
