import type { Credentials, Identity } from "../../ports/mod.ts";
import type { WebConnection } from "../../runtime/mod.ts";
import type { DialectContext } from "../dialect.ts";
import { type Call, RequestRefused } from "../kit/mod.ts";
import { UNKNOWN } from "./errors.ts";
import { claimedNames, foldNames } from "./parameters.ts";

/** How long what was found out of a caller holds for the next request of the same connection. */
const REMEMBERED_MS = 10_000;
const utf8 = new TextEncoder();

interface Remembered {
  readonly shown: string;
  readonly identity: Identity;
  readonly untilMs: number;
}

/**
 * Who publishes: asked as for CONNECT. On a connection that stays, a caller who shows the same again need not be asked
 * about each time, since a password costs its deliberate time.
 */
export class Callers {
  readonly #context: DialectContext;
  readonly #remembered = new WeakMap<WebConnection, Remembered>();
  readonly #numbers = new WeakMap<WebConnection, number>();
  #connections = 0;

  constructor(context: DialectContext) {
    this.#context = context;
  }

  /** Throws `RequestRefused` for whom nobody knows. */
  async identify(call: Call): Promise<Identity> {
    const { connection, httpVersion } = call.request;
    const credentials = this.#credentialsOf(call);
    const shown = JSON.stringify([
      call.header("authorization"),
      credentials.clientId,
      credentials.username,
    ]);
    const nowMs = this.#context.clock.monotonicMs();
    const known = httpVersion === "1.1" ? this.#remembered.get(connection) : undefined;
    if (known !== undefined && known.shown === shown && nowMs < known.untilMs) {
      return known.identity;
    }
    const allowAnonymous = await this.#allowsAnonymous(call);
    const { access } = this.#context.management;
    const answer = await access.authenticate({ ...credentials, allowAnonymous });
    if (answer === "ignore" || "denied" in answer) throw unknown();
    this.#remembered.set(connection, { shown, identity: answer, untilMs: nowMs + REMEMBERED_MS });
    return answer;
  }

  #credentialsOf(call: Call): Omit<Credentials, "allowAnonymous"> {
    const { connection } = call.request;
    const claimed = claimedNames(foldNames(call.queryPairs()));
    const { authorization } = call;
    if (authorization.scheme !== "none" && authorization.scheme !== "basic") throw unknown();
    const isBasic = authorization.scheme === "basic";
    const { peerCertificate } = connection;
    const commonName = peerCertificate?.isVerified === true
      ? peerCertificate.commonName
      : undefined;
    const clientId = commonName ?? claimed.clientId ?? `http-${this.#numberOf(connection)}`;
    return {
      clientId,
      isClientIdAssigned: commonName === undefined && claimed.clientId === undefined,
      username: isBasic ? authorization.username : claimed.username,
      password: isBasic ? utf8.encode(authorization.password) : undefined,
      remoteAddress: connection.remoteAddress,
      version: 5,
      listenerName: call.listener.name,
      peerCertificate,
      peerCertAs: commonName === undefined ? "none" : "client_id",
    };
  }

  /** What `auth.allow_anonymous` says, and what it stands for where it is not set. */
  async #allowsAnonymous(call: Call): Promise<boolean> {
    const setting = await this.#context.management.settings.get("auth.allow_anonymous");
    return typeof setting?.value === "boolean" ? setting.value : call.listener.isLoopback;
  }

  #numberOf(connection: WebConnection): number {
    const known = this.#numbers.get(connection);
    if (known !== undefined) return known;
    this.#numbers.set(connection, ++this.#connections);
    return this.#connections;
  }
}

function unknown(): RequestRefused {
  return new RequestRefused({ kind: "unauthorized", reason: UNKNOWN });
}
