import { randomBytes, timingSafeEqual } from "node:crypto";
import { ReasonCode } from "../../mqtt/mod.ts";
import type { Credentials, Denied, EnhancedExchange, ExchangeStep } from "../../ports/mod.ts";
import { fromBase64, toBase64 } from "../base64.ts";
import { type ClientFirst, readClientFinal, readClientFirst, ScramProblem } from "./messages.ts";
import { prepareText } from "./prepare_text.ts";
import { hmac, type ScramVerifier, sha256 } from "./verifier.ts";

export const SCRAM_METHOD = "SCRAM-SHA-256";
const NONCE_BYTES = 18;
const MESSAGE_BYTES_MAX = 4096;

/** A verifier as it was found for a user name. */
export interface ScramEntry {
  readonly verifier: ScramVerifier;
  readonly isSuperuser: boolean;
  /** Made up for a name that nobody has: no proof is good for it. */
  readonly isFake: boolean;
}

/** Where verifiers come from. Answers for every name, so that a stranger learns nothing from it. */
export interface ScramSource {
  verifierFor(username: string): ScramEntry;
}

/** One run of SCRAM-SHA-256, seen from the server (RFC 5802, RFC 7677). */
export class ScramExchange implements EnhancedExchange {
  readonly #source: ScramSource;
  readonly #makeNonce: () => string;
  #credentials: Credentials | undefined;
  #first: ClientFirst | undefined;
  #serverFirst = "";
  #nonce = "";
  #entry: ScramEntry | undefined;
  #username = "";

  constructor(
    source: ScramSource,
    makeNonce: () => string = () => toBase64(randomBytes(NONCE_BYTES)),
  ) {
    this.#source = source;
    this.#makeNonce = makeNonce;
  }

  begin(credentials: Credentials, data: Uint8Array | undefined): ExchangeStep {
    this.#credentials = credentials;
    // A client that sends nothing yet is asked to begin.
    return data === undefined ? { continue: new Uint8Array(0) } : this.#onClientFirst(data);
  }

  next(data: Uint8Array | undefined): ExchangeStep {
    return this.#entry === undefined ? this.#onClientFirst(data) : this.#onClientFinal(data);
  }

  #onClientFirst(data: Uint8Array | undefined): ExchangeStep {
    const text = textOf(data);
    if (text === undefined) return denied("the first message is no UTF-8, or too long");
    const first = readClientFirst(text);
    if (first instanceof ScramProblem) return denied(`the first message: ${first.error}`);
    const username = prepareText(first.username);
    if (username === undefined) return denied("the first message: invalid-username-encoding");
    this.#first = first;
    this.#username = username;
    this.#nonce = first.nonce + this.#makeNonce();
    this.#entry = this.#source.verifierFor(username);
    const { salt, iterations } = this.#entry.verifier;
    this.#serverFirst = `r=${this.#nonce},s=${toBase64(salt)},i=${iterations}`;
    return { continue: new TextEncoder().encode(this.#serverFirst) };
  }

  #onClientFinal(data: Uint8Array | undefined): ExchangeStep {
    const text = textOf(data);
    const final = text === undefined ? undefined : readClientFinal(text);
    if (final === undefined) return denied("the last message is no UTF-8, or too long");
    if (final instanceof ScramProblem) return denied(`the last message: ${final.error}`);
    const { bare, gs2Header } = this.#first as ClientFirst;
    if (final.channelBinding !== toBase64(new TextEncoder().encode(gs2Header))) {
      return denied("the last message: channel-bindings-dont-match");
    }
    if (final.nonce !== this.#nonce) return denied("the last message: another nonce");
    const { verifier, isSuperuser, isFake } = this.#entry as ScramEntry;
    const message = `${bare},${this.#serverFirst},${final.withoutProof}`;
    const isProven = provesKnowledge(verifier, message, fromBase64(final.proof));
    if (!isProven || isFake) {
      return denied(`wrong proof for user ${JSON.stringify(this.#username)}`);
    }
    const { clientId, remoteAddress } = this.#credentials as Credentials;
    const identity = {
      clientId,
      username: this.#username,
      remoteAddress,
      method: "scram",
      ...(isSuperuser ? { isSuperuser } : {}),
    } as const;
    const signature = toBase64(hmac(verifier.serverKey, message));
    return { done: identity, data: new TextEncoder().encode(`v=${signature}`) };
  }
}

/** The client's key comes out of its proof and our signature; only its hash is known here. */
function provesKnowledge(
  { storedKey }: ScramVerifier,
  message: string,
  proof: Uint8Array | undefined,
): boolean {
  const signature = hmac(storedKey, message);
  if (proof === undefined || proof.length !== signature.length) return false;
  const clientKey = proof.map((byte, index) => byte ^ (signature[index] as number));
  return timingSafeEqual(sha256(clientKey), storedKey);
}

function textOf(data: Uint8Array | undefined): string | undefined {
  if (data === undefined || data.length > MESSAGE_BYTES_MAX) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    return undefined;
  }
}

function denied(reason: string): Denied {
  return { denied: ReasonCode.notAuthorized, stage: "scram", reason };
}
