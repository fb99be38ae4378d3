import { createMessageId } from "../base/mod.ts";

/** Who sent a message. */
export interface MessagePublisher {
  /** Empty: the broker itself. */
  readonly clientId: string;
  readonly username: string | undefined;
  /** "address:port"; undefined: it came over no connection of a client, or nobody knows any more. */
  readonly peername: string | undefined;
}

/**
 * Where and when a message came in, and by which identifier it is known. Made only while somebody wants to hear of
 * messages; then it goes with the message for as long as that is in memory.
 */
export class MessageOrigin implements MessagePublisher {
  readonly #publisher: MessagePublisher;
  /** Wall clock at which the broker got the message, in milliseconds. */
  readonly timestampMs: number;
  #id: string | undefined;

  constructor(publisher: MessagePublisher, timestampMs: number) {
    this.#publisher = publisher;
    this.timestampMs = timestampMs;
  }

  get clientId(): string {
    return this.#publisher.clientId;
  }

  get username(): string | undefined {
    return this.#publisher.username;
  }

  get peername(): string | undefined {
    return this.#publisher.peername;
  }

  /** 32 upper-case hexadecimal digits, made when it is first asked for. */
  get id(): string {
    return this.#id ??= createMessageId(this.timestampMs);
  }
}
