import type { SessionKey, Store, StoredGroup } from "../ports/mod.ts";
import type { Router, SharedGroup } from "../routing/mod.ts";
import type { Delivery, InflightState, Journal, JournalEntry } from "../session/mod.ts";
import type { ClientSession } from "./client_session.ts";
import type { CommitWaiter, Durability } from "./durability.ts";

type Group = SharedGroup<ClientSession>;

/** What one session notes, under its key in the store. */
export class SessionJournal implements Journal<Group>, CommitWaiter {
  readonly key: SessionKey;
  readonly #durability: Durability;
  readonly #store: Store;
  readonly #router: Router<ClientSession>;
  /** Set once, as soon as the session is there. */
  session: ClientSession | undefined;

  constructor(key: SessionKey, durability: Durability, router: Router<ClientSession>) {
    this.key = key;
    this.#durability = durability;
    this.#store = durability.store;
    this.#router = router;
  }

  push(delivery: Delivery<Group>): number {
    this.#durability.note();
    return this.#store.pushQueued(this.key, delivery);
  }

  setInflight(seq: number, packetId: number, state: InflightState): void {
    this.#store.setInflight(this.key, seq, packetId, state);
  }

  reserve(seq: number): void {
    this.#store.reserve(this.key, seq);
  }

  isStored(seq: number): boolean {
    return this.#store.isStored(this.key, seq);
  }

  remove(seq: number): void {
    this.#store.removeQueued(this.key, seq);
  }

  addReceived(packetId: number): void {
    this.#durability.note();
    this.#store.addReceived(this.key, packetId);
  }

  removeReceived(packetId: number): void {
    this.#durability.note();
    this.#store.removeReceived(this.key, packetId);
  }

  read(afterSeq: number, limit: number, bytesMax: number): JournalEntry<Group>[] {
    return this.#store.readQueued(this.key, afterSeq, limit, bytesMax)
      .map(({ seq, delivery }) => ({ seq, delivery: this.#withGroup(delivery) }));
  }

  ticket(): number {
    return this.#store.ticket();
  }

  get committedTicket(): number {
    return this.#store.committedTicket;
  }

  get isBehind(): boolean {
    return this.#durability.isFailing || this.#durability.isBehind;
  }

  wake(): void {
    this.#durability.tell(this);
  }

  onCommitted(ticket: number): boolean {
    return this.session?.onCommitted(ticket) ?? false;
  }

  /** The store knows a group by its names; one that has no member any more means nothing. */
  #withGroup(delivery: Delivery<StoredGroup>): Delivery<Group> {
    const { group } = delivery;
    const living = group === undefined
      ? undefined
      : this.#router.sharedGroup(group.filter, group.shareName);
    return { ...delivery, group: living };
  }
}
