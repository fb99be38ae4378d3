import type { MaybePromise } from "../base/mod.ts";
import { ReasonCode } from "../mqtt/mod.ts";
import type { AuthenticationResult, Authenticator, Credentials, Denied } from "../ports/mod.ts";
import type { PasswordAuthenticator } from "./password_authenticator.ts";

export interface AnonymousParts {
  /** Whose names cannot be claimed without the password. */
  readonly passwords?: PasswordAuthenticator;
  /** Whether some other authenticator vouches for user names, so that one without its word is worth nothing. */
  readonly areNamesVouchedFor?: boolean;
}

/**
 * The end of the chain, for clients whom nobody has vouched for. Where the listener takes anonymous clients:
 *
 * - without a user name they are let in, unless their client identifier has a password;
 * - with a user name they are let in only where nothing is configured that vouches for user names. With users in the
 *   configuration, a password file, tokens or a callback, an unknown user name is refused as mosquitto refuses it when
 *   `allow_anonymous` and `password_file` meet. Accounts that are only in the store claim nothing but their own names,
 *   which is how EMQX has it;
 * - never on a listener that names its clients by their certificates: who comes here has shown none.
 *
 * Somebody with a wrong password never comes as far as this.
 */
export class AnonymousAuthenticator implements Authenticator {
  readonly #parts: AnonymousParts;

  constructor(parts: AnonymousParts = {}) {
    this.#parts = parts;
  }

  authenticate(credentials: Credentials): MaybePromise<AuthenticationResult> {
    const { passwords } = this.#parts;
    const refusal = this.#refusalOf(credentials);
    if (refusal !== undefined) return passwords?.refuseUnknown(credentials, refusal) ?? refusal;
    const { clientId, username, remoteAddress } = credentials;
    return { clientId, username, remoteAddress, method: "anonymous" };
  }

  #refusalOf(credentials: Credentials): Denied | undefined {
    const { username, password, allowAnonymous, peerCertAs } = credentials;
    if (!allowAnonymous) {
      if (username === undefined) {
        return refused(ReasonCode.notAuthorized, "anonymous clients are not allowed here");
      }
      const reason = password === undefined ? "there is no password" : "the user is not known";
      return refused(ReasonCode.badUserNameOrPassword, reason);
    }
    if (peerCertAs !== "none") {
      return refused(ReasonCode.notAuthorized, "no certificate that names the client");
    }
    if (username !== undefined && this.#parts.areNamesVouchedFor === true) {
      return refused(ReasonCode.badUserNameOrPassword, "nobody vouches for the user name");
    }
    if (this.#parts.passwords?.isTaken(credentials) === true) {
      return refused(ReasonCode.badUserNameOrPassword, "the user is not known, or has no password");
    }
    return undefined;
  }
}

function refused(code: ReasonCode, reason: string): Denied {
  return { denied: code, stage: "anonymous", reason };
}
