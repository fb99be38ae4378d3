import type { DialectContext } from "../dialect.ts";
import type { NanomqV1Options } from "../options.ts";
import { BearerVerifier, type Call, isAccount } from "../kit/mod.ts";
import { ResultCode, ResultError } from "./result_code.ts";

/** How long after its end the product still takes a token, in seconds. */
const LEEWAY_S = 200;

/** Judges who calls, by the one scheme that is configured. */
export class Gate {
  readonly #context: DialectContext;
  /** Of the key file and issuer below it; made again when they change. */
  #verifier: Promise<BearerVerifier> | undefined;
  #verifierOf = "";

  constructor(context: DialectContext) {
    this.#context = context;
  }

  /** Throws `ResultError` for whom nobody knows. */
  async check(call: Call): Promise<void> {
    const options = this.#context.options.apis.nanomqV1;
    if (options.authType === "jwt") await this.#checkToken(call, options);
    else checkBasic(call, options);
  }

  async #checkToken(call: Call, options: NanomqV1Options): Promise<void> {
    const { authorization } = call;
    if (authorization.scheme !== "bearer") throw missing();
    const verifier = await this.#verifierFor(options);
    const { verdict } = await verifier.verify(authorization.token);
    if (verdict === "valid") return;
    throw verdict === "expired"
      ? new ResultError(401, ResultCode.tokenExpired, "The token has expired")
      : wrong("The token is not valid");
  }

  async #verifierFor(options: NanomqV1Options): Promise<BearerVerifier> {
    const { jwtPublicKeyFile, jwtIssuer } = options;
    const wanted = JSON.stringify([jwtPublicKeyFile, jwtIssuer]);
    if (this.#verifier === undefined || this.#verifierOf !== wanted) {
      this.#verifierOf = wanted;
      this.#verifier = this.#load(jwtPublicKeyFile, jwtIssuer === "" ? undefined : jwtIssuer);
    }
    try {
      return await this.#verifier;
    } catch (cause) {
      this.#verifier = undefined;
      throw new Error(`Cannot use the key of api.nanomq_v1.jwt_public_key_file: ${String(cause)}`, {
        cause,
      });
    }
  }

  async #load(file: string, issuer: string | undefined): Promise<BearerVerifier> {
    if (file === "") throw new Error("there is none");
    const publicKey = await this.#context.readTextFile(file);
    return await BearerVerifier.create({ publicKey, issuer, leewayS: LEEWAY_S });
  }
}

function checkBasic(call: Call, { username, password }: NanomqV1Options): void {
  const { authorization } = call;
  if (authorization.scheme === "malformed") throw wrong("The header cannot be read");
  if (authorization.scheme !== "basic") throw missing();
  if (authorization.username === "" || authorization.password === "") throw missing();
  if (!isAccount(authorization, { username, password })) throw wrong("Not the account");
}

function missing(): ResultError {
  return new ResultError(401, ResultCode.emptyUserOrPassword, "No user name or password");
}

function wrong(message: string): ResultError {
  return new ResultError(401, ResultCode.wrongUserOrPassword, message);
}
