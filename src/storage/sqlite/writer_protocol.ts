import type { Durability } from "../options.ts";

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
    /** Sessions that ended while the broker was going down. */
    readonly purge: readonly number[];
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
  | { readonly kind: "close" };

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
  /** The request failed and changed nothing. */
  | { readonly kind: "failed"; readonly error: string }
  /** No request: there is no writer any more, and nobody can say what became of its last batch. */
  | { readonly kind: "gone"; readonly error: string };

export interface WriterAside {
  /** In all, since it was opened. */
  readonly bytesWritten: number;
  /** Keys of ended sessions of which nothing is left. */
  readonly purged: readonly number[];
  /** Housekeeping that failed; it will be tried again. */
  readonly problem: string | undefined;
}

/** The way to the writer, wherever it runs. */
export interface WriterLink {
  /** Set once, before the first request. Never called from inside `send`. */
  onReply: (reply: WriterReply) => void;
  send(request: WriterRequest): void;
  /** Ends the writer, which has been closed. */
  end(): Promise<void>;
}
