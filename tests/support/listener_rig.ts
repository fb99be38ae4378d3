/** A listener with an owner that a test can ask. */
import { type Clock, SILENT_LOGGER, SystemClock } from "../../src/base/mod.ts";
import type { ByteSocket, ByteSocketHandler } from "../../src/runtime/mod.ts";
import type { ListenerContext, ListenerOwner, ListenerTerms } from "../../src/transport/mod.ts";

export interface AcceptedConnection {
  readonly socket: ByteSocket;
  readonly context: ListenerContext;
}

/** Notes what a listener tells it. */
export class NotingOwner implements ListenerOwner {
  readonly accepted: AcceptedConnection[] = [];
  readonly failures: string[] = [];
  readonly errors: unknown[] = [];
  refused = 0;
  /** Addresses from which nobody may come in. */
  readonly banned = new Set<string>();
  readonly #handle: (socket: ByteSocket) => ByteSocketHandler;

  constructor(handle: (socket: ByteSocket) => ByteSocketHandler = () => quietHandler()) {
    this.#handle = handle;
  }

  accept(socket: ByteSocket, context: ListenerContext): ByteSocketHandler {
    this.accepted.push({ socket, context });
    return this.#handle(socket);
  }

  admits(address: string): boolean {
    return !this.banned.has(address);
  }

  noteFailedHandshake(_listener: ListenerTerms, address: string, reason: string): void {
    this.failures.push(`${address}: ${reason}`);
  }

  noteRefusedConnection(): void {
    this.refused++;
  }

  noteAcceptError(error: unknown): void {
    this.errors.push(error);
  }
}

export function quietHandler(): ByteSocketHandler {
  const nothing = (): void => {};
  return { onBytes: nothing, onProgress: nothing, onWritable: nothing, onClose: nothing };
}

/** What a listener needs beside its runtime. */
export const QUIET: { clock: Clock; logger: typeof SILENT_LOGGER } = {
  clock: new SystemClock(),
  logger: SILENT_LOGGER,
};
