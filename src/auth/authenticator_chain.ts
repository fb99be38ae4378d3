import { isPromise, type MaybePromise } from "../base/mod.ts";
import type {
  AuthenticationResult,
  Authenticator,
  Credentials,
  EnhancedExchange,
} from "../ports/mod.ts";
import { AnonymousAuthenticator } from "./anonymous_authenticator.ts";

/**
 * Asks one authenticator after the other; the first decisive answer counts. Whom nobody knows is for the last one, which
 * always decides: it lets in anonymous clients where the listener takes them, and refuses all others.
 */
export class AuthenticatorChain implements Authenticator {
  readonly #members: readonly Authenticator[];
  readonly #last: Authenticator;

  constructor(
    members: readonly Authenticator[],
    last: Authenticator = new AnonymousAuthenticator(),
  ) {
    this.#members = members;
    this.#last = last;
  }

  authenticate(credentials: Credentials): MaybePromise<AuthenticationResult> {
    return this.#ask(credentials, 0);
  }

  /** By the first member that knows the method. */
  enhanced(method: string): EnhancedExchange | undefined {
    for (const member of this.#members) {
      const exchange = member.enhanced?.(method);
      if (exchange !== undefined) return exchange;
    }
    return undefined;
  }

  #ask(credentials: Credentials, from: number): MaybePromise<AuthenticationResult> {
    for (let index = from; index < this.#members.length; index++) {
      const answer = (this.#members[index] as Authenticator).authenticate(credentials);
      if (isPromise(answer)) {
        return answer.then((late) => late === "ignore" ? this.#ask(credentials, index + 1) : late);
      }
      if (answer !== "ignore") return answer;
    }
    return this.#last.authenticate(credentials);
  }
}
