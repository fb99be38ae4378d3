import { errors, type JWTPayload, jwtVerify } from "jose";
import type { Clock } from "../base/mod.ts";
import { ReasonCode } from "../mqtt/mod.ts";
import type {
  AuthenticationResult,
  Authenticator,
  Credentials,
  Denied,
  Identity,
} from "../ports/mod.ts";
import { readIdentityRules } from "./identity_claims.ts";
import type { JwtKeys } from "./jwt_keys.ts";
import type { JwtOptions } from "./options.ts";
import { fillTemplate, placeholderValues } from "./placeholders.ts";

/**
 * Three parts of base64url, the first of which begins as JSON of an object does. An unsigned token leaves the last one
 * empty: it is a token, and a bad one.
 */
const TOKEN_FORM = /^e(?:yJ|yA|30|wo|w0|wk)[\w-]*\.[\w-]+\.[\w-]*$/;

/** Lets in whoever shows a token that somebody has signed whom we trust. What does not look like a token is ignored. */
export class JwtAuthenticator implements Authenticator {
  readonly #options: JwtOptions;
  readonly #keys: JwtKeys;
  readonly #clock: Clock;

  constructor(options: JwtOptions, keys: JwtKeys, clock: Clock) {
    this.#options = options;
    this.#keys = keys;
    this.#clock = clock;
  }

  authenticate(credentials: Credentials): AuthenticationResult | Promise<AuthenticationResult> {
    const token = this.#tokenOf(credentials);
    if (token === undefined || !looksLikeToken(token)) return "ignore";
    return this.#check(token, credentials);
  }

  #tokenOf({ username, password }: Credentials): string | undefined {
    if (this.#options.from === "username") return username;
    return password === undefined ? undefined : new TextDecoder().decode(password);
  }

  async #check(token: string, credentials: Credentials): Promise<AuthenticationResult> {
    let payload: JWTPayload;
    try {
      const verified = await jwtVerify(token, this.#keys.keyFor, {
        algorithms: [...this.#keys.algorithms],
        clockTolerance: this.#options.leewayS,
        currentDate: new Date(this.#clock.nowMs()),
      });
      payload = verified.payload;
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error;
      return refusalFor(error);
    }
    return this.#identityOf(payload, credentials);
  }

  #identityOf(payload: JWTPayload, credentials: Credentials): AuthenticationResult {
    const wrong = this.#wrongClaim(payload, credentials);
    if (wrong !== undefined) {
      return denied(ReasonCode.notAuthorized, `the claim "${wrong}" is not as it has to be`);
    }
    const { clientId, remoteAddress } = credentials;
    // Nobody else has looked at what kind of value it is.
    const subject = typeof payload.sub === "string" ? payload.sub : undefined;
    const identity: Identity = {
      clientId,
      username: this.#usernameOf(subject, credentials),
      remoteAddress,
      method: "jwt",
      ...(subject === undefined ? {} : { subject }),
    };
    const { aclClaim, leewayS } = this.#options;
    const expiry = payload.exp === undefined
      ? undefined
      : { expiresAtMs: (payload.exp + leewayS) * 1000 };
    if (aclClaim === "" || !Object.hasOwn(payload, aclClaim)) return { ...identity, ...expiry };
    const aclRules = readIdentityRules(payload[aclClaim]);
    if (aclRules !== undefined) return { ...identity, ...expiry, aclRules };
    return denied(ReasonCode.notAuthorized, `the claim "${aclClaim}" is no list of access rules`);
  }

  /** A token is no name to be called by. */
  #usernameOf(subject: string | undefined, { username }: Credentials): string | undefined {
    return this.#options.from === "username" || username === undefined ? subject : username;
  }

  #wrongClaim(payload: JWTPayload, credentials: Credentials): string | undefined {
    const values = placeholderValues(credentials);
    for (const [name, template] of this.#options.verifyClaims) {
      const wanted = fillTemplate(template, values);
      const value: unknown = Object.hasOwn(payload, name) ? payload[name] : undefined;
      const found: readonly unknown[] = Array.isArray(value) ? value : [value];
      const isFound = found.some((each) => isPlain(each) && String(each) === wanted);
      if (wanted === undefined || !isFound) return name;
    }
    return undefined;
  }
}

/** Whether a text is meant as a token, good or bad; such a one is a secret and must not be shown. */
export function looksLikeToken(text: string): boolean {
  return TOKEN_FORM.test(text);
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

/** The library's words name what is wrong, never what was found. */
function refusalFor(error: errors.JOSEError): Denied {
  const isInTime = !(error instanceof errors.JWTExpired) &&
    !(error instanceof errors.JWTClaimValidationFailed);
  const code = isInTime ? ReasonCode.badUserNameOrPassword : ReasonCode.notAuthorized;
  return denied(code, `${error.message} (${error.code})`);
}

function denied(code: ReasonCode, reason: string): Denied {
  return { denied: code, stage: "jwt", reason };
}
