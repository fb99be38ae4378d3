/** What a ban goes by, in the words that every HTTP API has for it. */
export type BanKind = "clientid" | "username" | "peerhost";

/** Somebody who is kept out. */
export interface Ban {
  readonly as: BanKind;
  /** A client identifier, a user name, or an address, for a whole network as "10.0.0.0/8". */
  readonly who: string;
  /** Free text, for people. */
  readonly reason: string;
  /** Who decided it: a user of an API, or the part of the broker that did. */
  readonly by: string;
  /** Wall clock, milliseconds. */
  readonly createdAtMs: number;
  /** Wall clock at which the ban ends, milliseconds; undefined: never by itself. */
  readonly untilMs: number | undefined;
}

/** What is known of whoever asks to be let in; undefined where it is not known yet. */
export interface BanSubject {
  readonly clientId: string | undefined;
  readonly username: string | undefined;
  readonly address: string | undefined;
}

/** Plain numbers since the start. */
export interface BanCounters {
  /** Bans that were set, those that took the place of another included. */
  added: number;
  expired: number;
  removed: number;
  /** Bans that were not kept because the list is full. */
  refused: number;
}

/**
 * Who is kept out, by client identifier, user name or address. It is asked for every connection and every CONNECT,
 * so `find` is a plain call and costs next to nothing while nobody is banned. Bounded; what is put outlives the
 * broker where anything does.
 */
export interface BanList {
  /** Bans in force and those that have ended and were not swept out yet. */
  readonly count: number;
  readonly counters: Readonly<BanCounters>;
  /** Set once, by whoever ends the connections of those whom a new ban names. Called after `find` finds it. */
  onBanned: (ban: Ban) => void;
  /** A ban that names the subject, if one is in force. */
  find(subject: BanSubject, nowMs: number): Ban | undefined;
  /**
   * Bans at once, in the place of an earlier ban of the same kind and name; resolves when that is durable. Rejects with
   * `BanError` for a name that cannot be one, or when the list is full, and with the store's error. `sparesConnected`:
   * whoever is there may stay.
   */
  put(ban: Ban, options?: { readonly sparesConnected: boolean }): Promise<void>;
  /** Resolves to false where there was no such ban. Durable then. */
  remove(as: BanKind, who: string): Promise<boolean>;
  /** Bans that have not ended, the oldest first. */
  list(nowMs: number): readonly Ban[];
  /** Lets go of bans that have ended. Called now and then. */
  sweep(nowMs: number): void;
}

/** A ban that cannot be set; the message says why, and quotes what was asked for. */
export class BanError extends Error {
  override readonly name = "BanError";
}
