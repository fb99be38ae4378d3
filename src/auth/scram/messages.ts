/** The messages of SCRAM (RFC 5802, section 7), without channel binding. */

const NONCE_MAX = 256;
const PRINTABLE = /^[\x21-\x2b\x2d-\x7e]+$/;

export interface ClientFirst {
  /** As it was meant, escapes resolved, not yet prepared. */
  readonly username: string;
  readonly nonce: string;
  /** "n,," or "y,,", as it was sent, with the name that the client wants to act as, if any. */
  readonly gs2Header: string;
  /** The message without it. */
  readonly bare: string;
}

export interface ClientFinal {
  readonly nonce: string;
  /** Base64. */
  readonly channelBinding: string;
  /** Base64. */
  readonly proof: string;
  readonly withoutProof: string;
}

/** Why a message is not taken, in the words of RFC 5802 (`server-error-value`). */
export class ScramProblem {
  constructor(readonly error: string) {}
}

export function readClientFirst(text: string): ClientFirst | ScramProblem {
  const [, header = "", flag = "", authzid = "", bare = ""] =
    /^((n|y|p=[A-Za-z0-9.-]+),(?:a=([^,]*))?,)(.*)$/s.exec(text) ?? [];
  if (header === "") return new ScramProblem("other-error");
  if (flag.startsWith("p=")) return new ScramProblem("channel-binding-not-supported");
  const [, extension, name = "", nonce = ""] =
    /^(m=[^,]*,)?n=([^,]*),r=([^,]*)(?:,.*)?$/s.exec(bare) ?? [];
  if (extension !== undefined) return new ScramProblem("extensions-not-supported");
  if (!isNonce(nonce)) return new ScramProblem("other-error");
  const username = unescapeName(name);
  if (username === undefined || username === "") {
    return new ScramProblem("invalid-username-encoding");
  }
  // Acting as somebody else is not for us to allow.
  if (authzid !== "" && unescapeName(authzid) !== username) return new ScramProblem("other-error");
  return { username, nonce, gs2Header: header, bare };
}

export function readClientFinal(text: string): ClientFinal | ScramProblem {
  const [, withoutProof = "", channelBinding = "", nonce = "", proof = ""] =
    /^(c=([^,]*),r=([^,]*)(?:,[^,]+)*),p=([^,]*)$/s.exec(text) ?? [];
  if (withoutProof === "" || proof === "") return new ScramProblem("other-error");
  return { nonce, channelBinding, proof, withoutProof };
}

function isNonce(text: string): boolean {
  return text.length <= NONCE_MAX && PRINTABLE.test(text);
}

/** Undefined: an escape that is none. */
function unescapeName(text: string): string | undefined {
  if (/=(?!2C|3D)/.test(text)) return undefined;
  return text.replaceAll("=2C", ",").replaceAll("=3D", "=");
}
