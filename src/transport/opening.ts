import type { ByteSocket } from "../runtime/mod.ts";
import { type HttpHead, HttpHeadReader, HttpRefusal, parseRequestHead } from "./http_head.ts";
import { acceptUpgrade, refusalText, type UpgradeTerms } from "./upgrade.ts";

/** The other side's part of the handshake is there. */
export interface Opened {
  /** Bytes of the chunk that belong to it. */
  readonly end: number;
  /** What we say to it; undefined: nothing. */
  readonly answer: string | undefined;
  /** Where the connection really comes from; undefined: from where it seems to. */
  readonly forwardedAddress: string | undefined;
}

/** How a WebSocket begins: on the side that is asked, and on the one that asks. */
export interface WebSocketOpening {
  /** A client masks its frames, and nobody else does. */
  readonly isServer: boolean;
  /** What we say before anything has come. */
  readonly greeting: string | undefined;
  /** Takes the next bytes; undefined: there must come more. Throws `HttpRefusal`. */
  push(chunk: Uint8Array): Opened | undefined;
  /** The handshake is over, its last words are on their way. */
  onOpened(): void;
  /** It came to nothing. What is answered, if anything is. */
  onRefusal(refusal: HttpRefusal): string | undefined;
  /** The connection ended before it. */
  onFailure(reason: string): void;
}

export interface WebSocketOptions extends UpgradeTerms {
  /** Where the client behind a proxy that sends such a header comes from; undefined: nobody's word is taken. */
  readonly clientBehind:
    | ((address: string, forwardedFor: string | undefined) => string)
    | undefined;
  /** Where the connection really comes from. False: it must go. */
  readonly onAddress: (address: string) => boolean;
  /** The upgrade was refused, or the client does not speak HTTP. */
  readonly onFailure: (reason: string) => void;
}

/** The side that is asked. */
export class ServerOpening implements WebSocketOpening {
  readonly isServer = true;
  readonly greeting = undefined;
  readonly #lower: ByteSocket;
  readonly #options: WebSocketOptions;
  readonly #reader = new HttpHeadReader(parseRequestHead);
  /** Something of the request has come, and not all. */
  #isBegun = false;

  constructor(lower: ByteSocket, options: WebSocketOptions) {
    this.#lower = lower;
    this.#options = options;
  }

  push(chunk: Uint8Array): Opened | undefined {
    this.#isBegun = true;
    const end = this.#reader.push(chunk);
    if (end === undefined) return undefined;
    const head = this.#reader.head as HttpHead;
    const answer = acceptUpgrade(head, this.#options);
    const forwardedAddress = this.#admit(head);
    this.#isBegun = false;
    return { end, answer, forwardedAddress };
  }

  onOpened(): void {
    // The owner has the connection since it was accepted.
  }

  onRefusal(refusal: HttpRefusal): string {
    this.#isBegun = false;
    this.#options.onFailure(refusal.message);
    return refusalText(refusal);
  }

  /** Whoever says nothing at all is no failure. */
  onFailure(reason: string): void {
    if (this.#isBegun) this.#options.onFailure(reason);
  }

  #admit({ headers }: HttpHead): string | undefined {
    const { clientBehind, onAddress } = this.#options;
    if (clientBehind === undefined) return undefined;
    const { remoteAddress } = this.#lower;
    const address = clientBehind(remoteAddress, headers.get("x-forwarded-for"));
    if (!onAddress(address)) throw new HttpRefusal(429, "There are enough connections from here");
    return address === remoteAddress ? undefined : address;
  }
}
