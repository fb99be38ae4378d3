import type { Delivery } from "./message.ts";

/** How a message is over with, for one session. */
export type EndOfDelivery = "acked" | "too_large" | "lost" | "expired" | "denied";

/** What those who work for a session ask and tell it. */
export interface SessionOwner<Group extends object> {
  /** Whether the client may have what has waited; asked while the context is guarded. */
  mayReceive(delivery: Delivery<Group>): boolean;
  /** Sends what has waited; `seq`: its place in the journal, 0: it is in none. */
  send(delivery: Delivery<Group>, seq: number): void;
  /** A message is over with; undefined where it can no longer be read. Of "acked" only while the context watches acks. */
  onOver(delivery: Delivery<Group> | undefined, how: EndOfDelivery): void;
}
