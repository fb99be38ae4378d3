import { createHmac } from "node:crypto";
import type { Logger } from "../../base/mod.ts";
import type { Authenticator, EnhancedExchange, RecordStore } from "../../ports/mod.ts";
import { SCRAM_METHOD, type ScramEntry, ScramExchange, type ScramSource } from "./exchange.ts";
import {
  parseScramVerifier,
  SCRAM_ITERATIONS,
  SCRAM_SALT_BYTES,
  ScramError,
  type ScramVerifier,
} from "./verifier.ts";

/** Kind of the records that `broker passwd --scram` writes, by user name. */
export const SCRAM_KIND = "scram";

export interface ScramParts {
  /** Of users in the configuration whose password is there in clear. */
  readonly configured: ReadonlyMap<string, ScramVerifier>;
  readonly superusers: ReadonlySet<string>;
  /** Undefined: accounts of the store do not count. */
  readonly records: RecordStore | undefined;
  readonly secret: Uint8Array;
  readonly logger: Logger;
}

/** Enhanced authentication by SCRAM-SHA-256. Clients that only show a password are for others. */
export class ScramAuthenticator implements Authenticator, ScramSource {
  readonly #parts: ScramParts;

  constructor(parts: ScramParts) {
    this.#parts = parts;
  }

  authenticate(): "ignore" {
    return "ignore";
  }

  enhanced(method: string): EnhancedExchange | undefined {
    return method === SCRAM_METHOD ? new ScramExchange(this) : undefined;
  }

  verifierFor(username: string): ScramEntry {
    const { configured, superusers } = this.#parts;
    const verifier = configured.get(username) ?? this.#stored(username);
    if (verifier === undefined) return this.#fake(username);
    const isStored = !configured.has(username);
    return {
      verifier,
      isSuperuser: isStored ? this.#isStoredSuperuser(username) : superusers.has(username),
      isFake: false,
    };
  }

  #stored(username: string): ScramVerifier | undefined {
    const value = this.#parts.records?.get(SCRAM_KIND, username);
    if (value === undefined) return undefined;
    try {
      return parseScramVerifier(value);
    } catch (error) {
      if (!(error instanceof ScramError)) throw error;
      this.#parts.logger.error("Cannot use a stored SCRAM verifier", {
        username,
        error: error.message,
      });
      return undefined;
    }
  }

  #isStoredSuperuser(username: string): boolean {
    const account = this.#parts.records?.get("user", username);
    return typeof account === "object" && account !== null && "isSuperuser" in account &&
      account.isSuperuser === true;
  }

  /** What a stranger gets looks like what a user gets, each time the same: who exists cannot be found out. */
  #fake(username: string): ScramEntry {
    this.#parts.logger.debug("No SCRAM verifier for a user", { username });
    const salt = scramSaltFor(this.#parts.secret, username);
    const nothing = new Uint8Array(32);
    const verifier = {
      salt,
      iterations: this.#usualIterations(),
      storedKey: nothing,
      serverKey: nothing,
    };
    return { verifier, isSuperuser: false, isFake: true };
  }

  #usualIterations(): number {
    const [first] = this.#parts.configured.values();
    if (first !== undefined) return first.iterations;
    for (const value of this.#parts.records?.list(SCRAM_KIND).values() ?? []) {
      const found = /^SCRAM-SHA-256\$(\d{1,7}):/.exec(String(value))?.[1];
      if (found !== undefined) return Number(found);
    }
    return SCRAM_ITERATIONS;
  }
}

/** A salt that is always the same for a name in this installation, whether somebody has the name or not. */
export function scramSaltFor(secret: Uint8Array, username: string): Uint8Array {
  const mac = createHmac("sha256", secret).update(`scram salt ${username}`).digest();
  return new Uint8Array(mac.subarray(0, SCRAM_SALT_BYTES));
}
