import { CallbackTimer, isPromise, type MaybePromise } from "../base/mod.ts";
import { type AuthPacket, ProtocolError, ReasonCode, reasonCodeText } from "../mqtt/mod.ts";
import type {
  Credentials,
  Denied,
  EnhancedExchange,
  ExchangeStep,
  Identity,
} from "../ports/mod.ts";
import { banProblem } from "./admission.ts";
import type { ClientConnection } from "./client_connection.ts";

/** How an exchange ended. */
export type ExchangeEnd = { readonly done: Identity; readonly data?: Uint8Array } | Denied;

/** Later than that is never: no connection lives as long, and a timer must count the time in ticks. */
const EXPIRY_MAX_MS = 10 * 365 * 86_400_000;

/**
 * Who the client of one connection is, beyond its CONNECT: enhanced authentication, at the start and again later, and
 * the time at which what it has shown is worth nothing any more. Made for those connections only that have either.
 */
export class ConnectionAuth {
  readonly #from: ClientConnection;
  /** Undefined: CONNECT named none. */
  readonly method: string | undefined;
  readonly #credentials: Credentials;
  /** What CONNACK says at the end of the exchange. */
  finalData: Uint8Array | undefined;
  #exchange: EnhancedExchange | undefined;
  #onEnd: (end: ExchangeEnd) => void = () => undefined;
  /** The exchange is thinking: the client has nothing to say now. */
  #isBusy = false;
  #expiry: CallbackTimer | undefined;

  constructor(from: ClientConnection, method: string | undefined, credentials: Credentials) {
    this.#from = from;
    this.method = method;
    // Kept as long as the connection: no secret, and no bytes of a packet.
    this.#credentials = { ...credentials, password: undefined };
  }

  /** `onEnd` is called once, unless the connection ends before. */
  begin(
    exchange: EnhancedExchange,
    data: Uint8Array | undefined,
    onEnd: (end: ExchangeEnd) => void,
  ): void {
    this.#exchange = exchange;
    this.#onEnd = onEnd;
    this.#take(exchange.begin(this.#credentials, data));
  }

  /** AUTH of the client, before CONNACK or after it. Throws `ProtocolError` where there is no place for it. */
  onPacket(packet: AuthPacket): void {
    if (this.method === undefined) throw misplaced("no authentication method was agreed on");
    // [MQTT-4.12.0-5], [MQTT-4.12.1-1]
    if (packet.authenticationMethod !== this.method) throw misplaced("it names another method");
    if (this.#isBusy) throw misplaced("the one before has no answer yet");
    const { authenticationData, reasonCode } = packet;
    const exchange = this.#exchange;
    if (reasonCode === ReasonCode.continueAuthentication && exchange !== undefined) {
      this.#take(exchange.next(authenticationData));
    } else if (
      reasonCode === ReasonCode.reAuthenticate && exchange === undefined && this.#from.isConnected
    ) {
      this.#beginAgain(this.method, authenticationData);
    } else throw misplaced(`reason code 0x${reasonCode.toString(16)} at this point`);
  }

  /** The client wants to show once more who it is. Until it has, everything goes on as it was. */
  #beginAgain(method: string, data: Uint8Array | undefined): void {
    const from = this.#from;
    const exchange = from.core.authenticator.enhanced?.(method);
    // A reload may have taken the method away.
    if (exchange === undefined) {
      from.disconnect(ReasonCode.notAuthorized, "The authentication method is not known any more");
      return;
    }
    this.begin(exchange, data, (end) => "done" in end ? this.#renew(end) : this.#lose(end));
  }

  /** [MQTT-4.12.1-2] */
  #lose({ denied, stage, reason }: Denied): void {
    const from = this.#from;
    const { core, session } = from;
    core.counters.authenticationFailures++;
    core.clientLogger.info("A client could not authenticate again", {
      clientId: session?.clientId ?? "",
      address: this.#credentials.remoteAddress,
      stage,
      reason,
    });
    from.disconnect(denied, undefined);
  }

  #renew({ done: identity, data }: { readonly done: Identity; readonly data?: Uint8Array }): void {
    const from = this.#from;
    const { core, session, listener } = from;
    const before = from.identity;
    if (session === undefined || before === undefined) return;
    // A session belongs to one user: whoever is somebody else now has to connect as such.
    if (identity.username !== before.username) {
      const reason = "it is another user now";
      this.#lose({ denied: ReasonCode.notAuthorized, stage: identity.method, reason });
      return;
    }
    const ban = banProblem(core, session.clientId, identity.username, identity.remoteAddress);
    if (ban !== undefined) {
      from.disconnect(ban.reasonCode, undefined);
      return;
    }
    from.identity = identity;
    core.permissions.adopt(session, identity, listener.options.mountpoint);
    this.expireWith(identity);
    this.#send(ReasonCode.success, data);
  }

  /** Packets that come meanwhile wait before CONNACK; after it they are handled as ever. */
  #take(answer: MaybePromise<ExchangeStep>): void {
    if (!isPromise(answer)) {
      this.#onStep(answer);
      return;
    }
    this.#isBusy = true;
    const from = this.#from;
    const work = answer.then((step) => {
      this.#isBusy = false;
      if (!from.isClosing) this.#onStep(step);
    });
    if (from.isConnected) work.catch((error: unknown) => from.fail(error));
    else from.waitFor(work);
  }

  #onStep(step: ExchangeStep): void {
    if ("continue" in step) {
      this.#send(ReasonCode.continueAuthentication, step.continue); // [MQTT-4.12.0-2]
      return;
    }
    this.#exchange = undefined;
    this.#onEnd(step);
  }

  #send(reasonCode: ReasonCode, authenticationData: Uint8Array | undefined): void {
    const { out } = this.#from;
    const isSent = out.send({
      type: "auth",
      reasonCode,
      authenticationMethod: this.method,
      authenticationData,
      userProperties: [],
    });
    // Without it the client could not go on.
    if (!isSent) this.#from.close();
  }

  /** Ends the connection when what the client has shown is worth nothing any more. */
  expireWith({ expiresAtMs = Infinity }: Identity): void {
    const { timers, clock } = this.#from.core;
    if (this.#expiry !== undefined) timers.cancel(this.#expiry);
    const leftMs = expiresAtMs - clock.nowMs();
    if (leftMs > EXPIRY_MAX_MS) return;
    this.#expiry = new CallbackTimer(() => this.#expire(expiresAtMs));
    timers.schedule(this.#expiry, Math.max(0, leftMs));
  }

  #expire(expiresAtMs: number): void {
    const from = this.#from;
    const { core, identity } = from;
    // The wall clock may have been set meanwhile.
    if (identity !== undefined && core.clock.nowMs() < expiresAtMs) {
      this.expireWith({ ...identity, expiresAtMs });
      return;
    }
    core.clientLogger.info("Closed a connection whose authentication has expired", {
      clientId: from.session?.clientId ?? "",
      address: this.#credentials.remoteAddress,
    });
    from.disconnect(ReasonCode.notAuthorized, "The authentication has expired");
  }

  /** The connection is over. */
  stop(): void {
    if (this.#expiry !== undefined) this.#from.core.timers.cancel(this.#expiry);
  }
}

/** For the log. */
export function denialText({ denied, reason }: Denied): string {
  return reason ?? reasonCodeText(denied);
}

function misplaced(detail: string): ProtocolError {
  return new ProtocolError(ReasonCode.protocolError, `Cannot accept AUTH: ${detail}`);
}
