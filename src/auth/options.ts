/** A user that stands in the configuration. Exactly one of the two passwords is there. */
export interface UserOptions {
  readonly username: string;
  /** As `broker passwd` prints it. */
  readonly passwordHash: string | undefined;
  /** In clear, for a test rig. */
  readonly password: string | undefined;
  /** No access rule is asked. */
  readonly isSuperuser: boolean;
}

/** Algorithms whose signatures are believed, where they are listed; "none" is not among them and never will be. */
export const JWT_ALGORITHMS = [
  "HS256",
  "HS384",
  "HS512",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
] as const;
export type JwtAlgorithm = (typeof JWT_ALGORITHMS)[number];

/** Section `[auth.jwt]`. At least one of `secret` and `publicKeyFile` is there. */
export interface JwtOptions {
  /** For the algorithms that begin with HS. */
  readonly secret: string | undefined;
  /** `secret` is base64 of the bytes that are meant. */
  readonly isSecretBase64: boolean;
  /** PEM of a public key or certificate, or a JSON Web Key Set; for all other algorithms. */
  readonly publicKeyFile: string | undefined;
  /** Empty: all that the kind of key is good for. */
  readonly algorithms: readonly JwtAlgorithm[];
  /** Claims that must have this very value; `%c` stands for the client identifier, `%u` for the user name. */
  readonly verifyClaims: readonly (readonly [claim: string, value: string])[];
  /** Where a client puts its token. */
  readonly from: "password" | "username";
  /** By how many seconds clocks may differ. */
  readonly leewayS: number;
  /** Claim that holds access rules of the client; "": none. */
  readonly aclClaim: string;
}

/** Section `[auth.http]`. */
export interface HttpAuthOptions {
  readonly url: string;
  readonly method: "GET" | "POST";
  /** For the whole of one question, in milliseconds. */
  readonly timeoutMs: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** How `fields` are sent with POST; with GET they are the query. */
  readonly body: "form" | "json";
  /** What is asked: `%c` client identifier, `%u` user name, `%P` password, `%a` address, `%l` listener. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** What a timeout, a broken connection or an unexpected status means. */
  readonly onError: "deny" | "ignore";
  /** Questions under way at the same time, and such that wait for that; more are refused as "server busy". */
  readonly maxConcurrent: number;
  readonly maxWaiting: number;
}

/** Parts of authentication that can be out of force while all that they are made of stays. */
export const AUTH_MODULES = ["users", "clients", "jwt", "http"] as const;
export type AuthModule = (typeof AUTH_MODULES)[number];

/** Section `[auth]`, but for `allow_anonymous`, which belongs to the listeners. */
export interface AuthOptions {
  /** As mosquitto_passwd or `broker passwd --file` writes it. */
  readonly passwordFile: string | undefined;
  readonly users: readonly UserOptions[];
  /** Whether accounts of the data directory count: `broker passwd add` and the HTTP APIs write them. */
  readonly accounts: boolean;
  /** "users" and "clients": of the accounts. Where tokens or the service are switched off, their options are not there. */
  readonly switchedOff: readonly AuthModule[];
  readonly jwt: JwtOptions | undefined;
  readonly http: HttpAuthOptions | undefined;
  /**
   * Passwords that are hashed at the same time, and such that wait; more are refused as "server busy". Two at a time
   * with the usual cost are some 25 in a second: nobody should wait for longer than for the end of `connect_timeout`.
   */
  readonly maxHashing: number;
  readonly maxHashingWaiting: number;
}
