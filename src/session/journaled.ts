import type { InflightState } from "./inflight.ts";
import type { JournalEntry } from "./journal.ts";
import type { Delivery } from "./message.ts";
import type { MessageQueue } from "./message_queue.ts";
import type { OutboundExchange } from "./outbound_exchange.ts";
import type { ReceivedIds } from "./received_ids.ts";

/** A message in flight that is in the journal. */
export interface JournaledInflight<Group extends object> {
  readonly seq: number;
  readonly packetId: number;
  readonly state: InflightState;
  /** Undefined: only the journal has it, or nobody needs it any more. */
  readonly delivery: Delivery<Group> | undefined;
}

/** What is in memory of that which the journal has: for a journal that has lost something. */
export interface JournaledState<Group extends object> {
  readonly received: readonly number[];
  readonly inflight: readonly JournaledInflight<Group>[];
  /** The oldest of the queue. */
  readonly held: readonly JournalEntry<Group>[];
  /** The rest of the queue is in the journal alone, behind this place; undefined: there is no rest. */
  readonly notedAfter: number | undefined;
}

/** Each part is gathered when it is asked for. */
export function journaledState<Group extends object>(
  received: ReceivedIds | undefined,
  exchange: OutboundExchange<Group>,
  queue: MessageQueue<Group> | undefined,
): JournaledState<Group> {
  return {
    get received() {
      return received?.values() ?? [];
    },
    get inflight() {
      return exchange.journaled();
    },
    get held() {
      return queue?.held() ?? [];
    },
    get notedAfter() {
      return queue?.notedAfter;
    },
  };
}
