/** Loaded when the first verifier is made: few configurations need it. */
type Jose = typeof import("jose");
type PublicKey = Awaited<ReturnType<Jose["importSPKI"]>>;

/** How tokens are judged; only RS256 counts. */
export interface BearerRules {
  /** A public key or a certificate, PEM. */
  readonly publicKey: string;
  /** Undefined: any. */
  readonly issuer: string | undefined;
  /** How far the clocks may be apart. */
  readonly leewayS: number;
}

export type BearerResult =
  | { readonly verdict: "valid"; readonly claims: Readonly<Record<string, unknown>> }
  /** Signed well, but its time is over, or it has none. */
  | { readonly verdict: "expired" }
  | { readonly verdict: "invalid" };

/** Bytes of a token; a longer one is not looked at. */
const TOKEN_LENGTH_MAX = 16 * 1024;

/** Judges JSON Web Tokens that are signed with RS256 by one key. */
export class BearerVerifier {
  readonly #jose: Jose;
  readonly #key: PublicKey;
  readonly #rules: BearerRules;

  private constructor(rules: BearerRules, jose: Jose, key: PublicKey) {
    this.#jose = jose;
    this.#rules = rules;
    this.#key = key;
  }

  /** Rejects when the key is none. */
  static async create(rules: BearerRules): Promise<BearerVerifier> {
    const jose = await import("jose");
    const isCertificate = rules.publicKey.includes("BEGIN CERTIFICATE");
    const read = isCertificate ? jose.importX509 : jose.importSPKI;
    const key = await read(rules.publicKey, "RS256");
    return new BearerVerifier(rules, jose, key);
  }

  async verify(token: string): Promise<BearerResult> {
    if (token.length > TOKEN_LENGTH_MAX) return { verdict: "invalid" };
    const { issuer, leewayS } = this.#rules;
    const { errors, jwtVerify } = this.#jose;
    try {
      const { payload } = await jwtVerify(token, this.#key, {
        algorithms: ["RS256"],
        clockTolerance: leewayS,
        requiredClaims: ["exp"],
        ...(issuer === undefined ? {} : { issuer }),
      });
      return { verdict: "valid", claims: payload };
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error;
      const isMissing = error instanceof errors.JWTClaimValidationFailed &&
        error.claim === "exp" && error.reason === "missing";
      if (isMissing || error instanceof errors.JWTExpired) return { verdict: "expired" };
      return { verdict: "invalid" };
    }
  }
}
