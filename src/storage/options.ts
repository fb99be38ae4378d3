/**
 * What "durable" means.
 *
 * - `fsync`: a commit is synced to the disk before anything is acknowledged. Nothing acknowledged is lost when the
 *   broker, the system or the machine dies at any moment, as far as the disk keeps what it says it has.
 * - `os`: a commit is handed to the operating system. Nothing acknowledged is lost when the broker dies; when the system
 *   or the machine dies, what was committed since the last checkpoint (at most some seconds of traffic) may be.
 * - `off`: commits follow within a second, and nobody waits for them. When the broker dies, what was noted in its last
 *   second may be lost; when the machine dies, as with `os`.
 *
 * In every case the database stays sound, and what is lost is the newest: what is left is how things were at one moment.
 */
export type Durability = "fsync" | "os" | "off";

export interface StoreOptions {
  readonly durability: Durability;
  /** Longest time that a promise waits to share its commit with others. */
  readonly groupCommitMs: number;
}

/** How a store waits: it has no timers of its own. */
export interface StoreTimers {
  /** Calls `fn` once, after `delayMs`. */
  after(delayMs: number, fn: () => void): void;
  /** Calls `fn` once, at the end of this turn of the event loop or in the next. */
  defer(fn: () => void): void;
  /** Wall clock, milliseconds. */
  nowMs(): number;
  /** A clock that does not jump, milliseconds. */
  monotonicMs(): number;
}
