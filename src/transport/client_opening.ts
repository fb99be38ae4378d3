import {
  HttpHeadReader,
  type HttpRefusal,
  parseResponseHead,
  type ResponseHead,
} from "./http_head.ts";
import type { Opened, WebSocketOpening } from "./opening.ts";
import { checkAcceptance, upgradeRequest } from "./upgrade.ts";

export interface ClientOpeningOptions {
  /** Of the server, as it stands in a URL. */
  readonly host: string;
  readonly path: string;
  readonly onOpened: () => void;
  readonly onFailure: (reason: string) => void;
}

const KEY_BYTES = 16;

/** The side that asks. */
export class ClientOpening implements WebSocketOpening {
  readonly isServer = false;
  readonly greeting: string;
  readonly #options: ClientOpeningOptions;
  readonly #key: string;
  readonly #reader = new HttpHeadReader(parseResponseHead);
  #isOver = false;

  constructor(options: ClientOpeningOptions) {
    this.#options = options;
    const random = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
    this.#key = btoa(String.fromCharCode(...random));
    this.greeting = upgradeRequest(options.host, options.path, this.#key);
  }

  push(chunk: Uint8Array): Opened | undefined {
    const end = this.#reader.push(chunk);
    if (end === undefined) return undefined;
    checkAcceptance(this.#reader.head as ResponseHead, this.#key);
    this.#isOver = true;
    return { end, answer: undefined, forwardedAddress: undefined };
  }

  onOpened(): void {
    this.#options.onOpened();
  }

  onRefusal({ message }: HttpRefusal): undefined {
    this.onFailure(message);
  }

  onFailure(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.onFailure(reason);
  }
}
