import type { Durability } from "../options.ts";
import type { FailureKind } from "./failure_kind.ts";

/** A record as it is to be, or removed. */
export interface RecordChange {
  readonly kind: string;
  readonly key: string;
  readonly body: Uint8Array | undefined;
}

/** What the store says to its writer. Each is answered once, in order. */
export type WriterRequest =
  | {
    readonly kind: "open";
    readonly path: string;
    readonly durability: Durability;
    /** Sessions that ended and left messages behind; undefined: they are looked for. */
    readonly purge: readonly number[] | undefined;
  }
  | {
    readonly kind: "commit";
    /** The one of the memories that the batch is in. */
    readonly index: number;
    /** Bytes of the batch in it. */
    readonly length: number;
    /** The memory, when it is new. */
    readonly memory: ArrayBufferLike | undefined;
  }
  /** All in one commit of their own, tried once. */
  | { readonly kind: "records"; readonly changes: readonly RecordChange[] }
  /** Nobody waits for a commit: time for housekeeping. */
  | { readonly kind: "idle" }
  /**
   * The database seems to be damaged. Where it is not, it is opened again. Else a draft of another is made of the queued
   * messages that can be read; what is committed from now on goes there.
   */
  | {
    readonly kind: "repair";
    /** Why it is written anew without a look at it; undefined: look first. */
    readonly reason: string | undefined;
    readonly sessions: KnownSessions;
  }
  /** The draft is complete. Afterwards nothing is open. */
  | { readonly kind: "finish" }
  /** Nothing comes of the draft. */
  | { readonly kind: "abandon" }
  | { readonly kind: "close" };

/** Sessions whose messages are wanted. */
export interface KnownSessions {
  /** Those whose keys had no other owner since the store was opened. */
  readonly keys: Int32Array;
  /** The others: rows under their keys may be of somebody else. */
  readonly reused: readonly ReusedKey[];
}

export interface ReusedKey {
  readonly key: number;
  readonly clientId: string;
  readonly createdAtMs: number;
}

export type WriterReply =
  | { readonly kind: "opened" }
  | ({ readonly kind: "committed"; readonly rows: number; readonly ms: number } & WriterAside)
  /** Answers "records". `error`: nothing was changed. */
  | (
    & { readonly kind: "recorded"; readonly error: string | undefined; readonly rows: number }
    & WriterAside
  )
  /** Answers "idle". `hasMore`: there is more to do. */
  | ({ readonly kind: "rested"; readonly hasMore: boolean } & WriterAside)
  | { readonly kind: "closed" }
  /** Answers "repair": the database is not damaged. */
  | { readonly kind: "sound" }
  /** Answers "repair": there is a draft. `reason`: what is wrong with the database. */
  | { readonly kind: "drafted"; readonly reason: string }
  /** Answers "finish". `queued`: messages in it. `purged`: keys that were still to be purged from the old one. */
  | { readonly kind: "finished"; readonly queued: number; readonly purged: readonly number[] }
  | { readonly kind: "abandoned" }
  /** The request failed and changed nothing. */
  | { readonly kind: "failed"; readonly error: string; readonly failure: FailureKind }
  /** No request: there is no writer any more, nor another one in its place. */
  | { readonly kind: "gone"; readonly error: string };

export interface WriterAside {
  /** In all, since it was opened. */
  readonly bytesWritten: number;
  /** Keys of ended sessions of which nothing is left. */
  readonly purged: readonly number[];
  /** Housekeeping that failed; it will be tried again. */
  readonly problem: string | undefined;
  /** The problem is that the database is damaged. */
  readonly isDamaged: boolean;
}

/** The way to the writer, wherever it runs. */
export interface WriterLink {
  /** Set before the first request. Never called from inside `send`. */
  onReply: (reply: WriterReply) => void;
  send(request: WriterRequest): void;
  /** Ends the writer, which has been closed. */
  end(): Promise<void>;
}
