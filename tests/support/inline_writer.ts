/** A writer in the thread of the store itself: for tests that must know when it writes, and to compare with. */
import {
  WriterHost,
  type WriterLink,
  type WriterReply,
  type WriterRequest,
} from "../../src/storage/mod.ts";

export class InlineWriter implements WriterLink {
  onReply: (reply: WriterReply) => void = () => {};
  readonly #defer: (fn: () => void) => void;
  readonly #host: WriterHost;

  /** `openDatabase`: how the writer opens its database, when not as usual. */
  constructor(
    defer: (fn: () => void) => void,
    openDatabase?: ConstructorParameters<typeof WriterHost>[1],
  ) {
    this.#defer = defer;
    this.#host = new WriterHost(
      (reply) => this.#defer(() => this.onReply(reply)),
      openDatabase,
    );
  }

  send(request: WriterRequest): void {
    this.#host.handle(request);
  }

  end(): Promise<void> {
    return Promise.resolve();
  }
}
