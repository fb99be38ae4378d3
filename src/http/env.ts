import type { WebReply, WebRequest } from "../runtime/mod.ts";
import type { ApiName, HttpListenerOptions } from "./options.ts";

/** What of a listener a handler may want to know. */
export interface ListenerTerms extends HttpListenerOptions {
  /** Whether only this machine can reach it. */
  readonly isLoopback: boolean;
}

/** What hono carries along for one request of ours, as `c.env`. */
export interface CallBindings {
  readonly request: WebRequest;
  readonly listener: ListenerTerms;
  readonly api: ApiName;
  /** Whether the program takes clients: not while it starts or stops. */
  readonly isServing: boolean;
  /** What the handler has answered; hono itself only sees that there is an answer. */
  reply: WebReply | undefined;
}

export interface HttpEnv {
  Bindings: CallBindings;
}
