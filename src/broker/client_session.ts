import type { Identity } from "../ports/mod.ts";
import type { SharedGroup, Subscription } from "../routing/mod.ts";
import { type Message, Session } from "../session/mod.ts";
import type { ClientConnection } from "./client_connection.ts";
import type { Timer } from "../base/mod.ts";

/** A will as it came with CONNECT; its message is made when it is published, for its expiry counts from then. */
export interface Will {
  readonly message: Omit<Message, "expiresAtMs">;
  readonly messageExpiryS: number | undefined;
  readonly delayS: number;
  readonly identity: Identity;
}

/** A session with what the broker keeps about it: subscriptions, will, expiry. */
export class ClientSession extends Session<SharedGroup<ClientSession>> {
  /** By topic filter as the client wrote it, `$share/…` included. */
  readonly subscriptions = new Map<string, Subscription>();
  /** Seconds that the session outlives its connection; 0: not at all. */
  expiryS = 0;
  will: Will | undefined;
  /** Wall clock of the end of the last connection, in milliseconds; 0 while connected. */
  disconnectedAtMs = 0;
  readonly createdAtMs: number;
  /** Runs while the will waits for its delay. */
  willTimer: Timer | undefined;
  /** Runs while the client is away. */
  expiryTimer: Timer | undefined;
  isEnded = false;
  /** The client's connection while there is one. */
  connection: ClientConnection | undefined;

  constructor(
    clientId: string,
    context: ConstructorParameters<typeof Session>[1],
    createdAtMs: number,
  ) {
    super(clientId, context);
    this.createdAtMs = createdAtMs;
  }
}
