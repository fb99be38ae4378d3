import { isPromise, type MaybePromise } from "../base/mod.ts";
import { ReasonCode } from "../mqtt/mod.ts";
import type { AuthenticationResult, Authenticator, Credentials } from "../ports/mod.ts";

/**
 * Asks one authenticator after the other; the first decisive answer counts. Whom nobody knows is let in
 * where the listener takes anonymous clients, whatever user name they claim, and refused elsewhere.
 */
export class AuthenticatorChain implements Authenticator {
  readonly #members: readonly Authenticator[];

  constructor(members: readonly Authenticator[]) {
    this.#members = members;
  }

  authenticate(credentials: Credentials): MaybePromise<AuthenticationResult> {
    return this.#ask(credentials, 0);
  }

  #ask(credentials: Credentials, from: number): MaybePromise<AuthenticationResult> {
    for (let index = from; index < this.#members.length; index++) {
      const answer = (this.#members[index] as Authenticator).authenticate(credentials);
      if (isPromise(answer)) {
        return answer.then((late) => late === "ignore" ? this.#ask(credentials, index + 1) : late);
      }
      if (answer !== "ignore") return answer;
    }
    return anonymousAnswer(credentials);
  }
}

function anonymousAnswer(credentials: Credentials): AuthenticationResult {
  const { clientId, username, remoteAddress } = credentials;
  if (credentials.allowAnonymous) {
    return { clientId, username, remoteAddress, method: "anonymous" };
  }
  const denied = username === undefined
    ? ReasonCode.notAuthorized
    : ReasonCode.badUserNameOrPassword;
  return { denied };
}
