import type { EventClient, EventSubscription } from "../ports/mod.ts";
import type { Subscription } from "../routing/mod.ts";
import type { ClientDetails } from "./client_details.ts";

/** What `version` is of a client of which nothing is known but its session. */
const UNKNOWN_VERSION = 4;

/** `details`: of the client's connection, or its last one. */
export function eventClientOf(clientId: string, details: ClientDetails | undefined): EventClient {
  const { username, address = "", port = 0, listenerName = "", mountpoint = "" } = details ?? {};
  return {
    clientId,
    username,
    address,
    port,
    peername: address === "" ? undefined : `${address}:${port}`,
    listenerName,
    mountpoint,
    version: details?.version ?? UNKNOWN_VERSION,
  };
}

export function eventSubscriptionOf(subscription: Subscription): EventSubscription {
  const { filter: topic, shareName, qos, noLocal, retainAsPublished, retainHandling } =
    subscription;
  return { topic, shareName, qos, noLocal, retainAsPublished, retainHandling };
}
