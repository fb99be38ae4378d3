import type { MaybePromise } from "../base/mod.ts";
import type { Identity } from "./records.ts";

export type Action = "publish" | "subscribe";

export interface Authorizer {
  /** Answers at once when it can: a promise for every message would tax them all. */
  authorize(identity: Identity, action: Action, topic: string): MaybePromise<"allow" | "deny">;
}
