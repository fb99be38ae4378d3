import type { Inflight } from "./inflight.ts";
import type { Journal } from "./journal.ts";

export const PACKET_ID_MAX = 65535;
/** Places that are reserved ahead, so that nobody waits for the commit of the next reservation. */
const AHEAD = 4096;
/** From the oldest message in flight to the last place that may be reserved: no two of them share an identifier. */
const SPAN_MAX = PACKET_ID_MAX - AHEAD;
/** How often to look whether more can be reserved early. */
const LOOK_MASK = 63;

/** The packet identifier that follows from a message's place in the journal. */
export function packetIdOfPlace(seq: number): number {
  return (seq - 1) % PACKET_ID_MAX + 1;
}

/**
 * Which messages of a session may be sent under the identifier that follows from their place in its journal, so that
 * no identifier need be stored before its message is sent.
 *
 * After a crash a message of QoS 2 that may have been sent must get the identifier that it had, or its receiver takes
 * it for another one; and an identifier that the receiver still holds must get no other message. This is why both
 * hold:
 *
 * - A message is sent at QoS 2 only when it is stored and its place is covered by a reservation that is stored
 *   (`isSure`). So its place, and with that its identifier, is the same after a crash; and what has a place behind
 *   the stored reservation was never sent.
 * - PUBREL is sent only when it is stored that the message is let go of. After a crash the message is either sent
 *   again under its identifier, which the receiver knows for a repetition, or it is gone and PUBREL is sent again.
 * - A reservation reaches no further than `SPAN_MAX` behind the oldest message in flight, so the one that had the same
 *   identifier before is over; that it is was noted before the reservation, and notes are stored in their order. So
 *   whenever the later one can have been sent, nothing of the earlier one is found after a crash.
 * - What cannot be sent so (a message of a long time ago is still in flight, or its slot in the ring is taken) gets a
 *   free identifier outside the reserved places, which is noted by itself and waited for; while there is such a one,
 *   nothing more is reserved, so that no reserved place has its identifier.
 *
 * At QoS 1 the same identifiers are used without waiting: a message may come twice.
 */
export class PlacedIds {
  readonly #journal: Journal<object>;
  /** All places up to this one may be used. */
  #reserved = 0;
  /** So much of it is stored for sure. */
  #sureUpTo = 0;
  /** Of the last reservation. */
  #ticket = 0;
  /** Messages in flight under other identifiers. */
  #othersCount = 0;
  #lastSeq = 0;

  constructor(
    journal: Pick<Journal<object>, "reserve" | "ticket" | "committedTicket" | "isStored">,
  ) {
    this.#journal = journal as Journal<object>;
  }

  /** Whether the message at `seq`, which is the next to be sent, may have the identifier of its place. */
  covers(seq: number, inflight: Inflight<unknown>): boolean {
    this.#lastSeq = seq;
    const isClose = seq + AHEAD / 2 > this.#reserved && (seq & LOOK_MASK) === 0;
    if (seq > this.#reserved || isClose) this.#reserve(seq, inflight);
    return seq <= this.#reserved;
  }

  /** The message and its reservation are stored: it keeps its identifier whatever happens. */
  isSure(seq: number): boolean {
    const journal = this.#journal;
    if (seq > this.#sureUpTo) {
      if (seq > this.#reserved || journal.committedTicket < this.#ticket) return false;
      this.#sureUpTo = this.#reserved;
    }
    return journal.isStored(seq);
  }

  /** Where to look for another identifier. */
  get searchAfter(): number {
    return packetIdOfPlace(Math.max(this.#reserved, this.#lastSeq));
  }

  /** The message got another identifier than that of its place; or had it in an earlier run of the broker. */
  addOther(): void {
    this.#othersCount++;
  }

  /** The exchange is over. */
  finished(seq: number, packetId: number): void {
    if (this.#othersCount > 0 && packetIdOfPlace(seq) !== packetId) this.#othersCount--;
  }

  /** The connection is over: what was not sent is not reserved any more. */
  rest(): void {
    if (this.#reserved <= this.#lastSeq) return;
    this.#reserved = this.#lastSeq;
    this.#sureUpTo = Math.min(this.#sureUpTo, this.#lastSeq);
    this.#journal.reserve(this.#lastSeq);
  }

  #reserve(seq: number, inflight: Inflight<unknown>): void {
    if (this.#othersCount > 0) return;
    const upTo = Math.min(seq + AHEAD, inflight.oldestSeq(seq) + SPAN_MAX);
    if (upTo <= this.#reserved || upTo < seq) return;
    this.#reserved = upTo;
    this.#journal.reserve(upTo);
    this.#ticket = this.#journal.ticket();
  }
}
