/** What waits for a sink. Its bytes are never written again. */
export interface SinkItem {
  /** What it counts towards a limit in bytes. */
  readonly bytes: number;
  /** Called once for an item that was taken: it is delivered, or it never will be. Must not throw. */
  readonly onSettled?: ((isDelivered: boolean) => void) | undefined;
}

/** How items that are bytes and nothing else are taken apart and made again. */
export interface Packing<Item extends SinkItem> {
  /** As many as the item's `bytes`. */
  contentOf(item: Item): Uint8Array;
  /** `content` belongs to the item. */
  itemOf(content: Uint8Array, onSettled: SinkItem["onSettled"]): Item;
}

/** A place outside the broker where things are taken to: a web service, a file, a table. */
export interface Sink<Item extends SinkItem> {
  /** Items that one call of `deliver` may have. */
  readonly batchMax: number;
  /** Undefined: what waits stays as it is, and is so many things more for the garbage collector. */
  readonly packing?: Packing<Item>;
  /**
   * All or nothing, as far as the other side allows; rejects with a `SinkError`. Calls may overlap. Whoever calls may
   * lose patience, and take it for failed while it is still under way.
   */
  deliver(batch: readonly Item[]): Promise<void>;
  /** Whether things could be delivered now, without delivering any; rejects with a `SinkError`. */
  check(): Promise<void>;
  /** Lets go of what it holds, and takes it anew when something is delivered; what is under way comes to its end. */
  renew(): Promise<void>;
  /** Lets go of what it holds. Nothing is delivered afterwards. */
  close(): Promise<void>;
}

/** Something could not be delivered. */
export class SinkError extends Error {
  override readonly name = "SinkError";
  /** Whether the same may be taken another time. */
  readonly isRetryable: boolean;

  constructor(message: string, options: ErrorOptions & { readonly isRetryable: boolean }) {
    super(message, options);
    this.isRetryable = options.isRetryable;
  }
}

/** What a sink rejects with, whatever it was; `what` was to be done: "Cannot post to …". */
export function toSinkError(error: unknown, what: string): SinkError {
  if (error instanceof SinkError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new SinkError(`${what}: ${text}`, { isRetryable: true, cause: error });
}
