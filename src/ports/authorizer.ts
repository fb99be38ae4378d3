import type { MaybePromise } from "../base/mod.ts";
import type { Identity } from "./records.ts";

export type Action = "publish" | "subscribe";
export type Decision = "allow" | "deny";

/** Why something is allowed or denied, for logs and operators. */
export interface Explanation {
  readonly decision: Decision;
  /** Where the rule stands: "acl.rule.0", "/etc/acl:12", "acl.no_match". */
  readonly source: string;
  /** The rule as it was written. */
  readonly rule: string;
}

/** What becomes of a client that tries what is denied, beside that it does not happen. */
export type DenyAction = "ignore" | "disconnect";

/**
 * Says who may do what. Topics are the broker's own, mountpoint included; a shared subscription is asked for with
 * its whole filter, `$share/{shareName}/…`.
 */
export interface Authorizer {
  /** False: everybody may do everything, and nobody need ask until `onChange`. */
  readonly isActive: boolean;
  /** Another number whenever answers may be other ones: whoever keeps answers compares it. */
  readonly revision: number;
  readonly denyAction: DenyAction;
  /** Set once, by the broker; called when `revision` has changed. */
  onChange: (() => void) | undefined;
  /**
   * Publishing to a topic name, or subscribing with a filter. Answers at once when it can: a promise for every message
   * would tax them all.
   */
  authorize(identity: Identity, action: Action, topic: string): MaybePromise<Decision>;
  /**
   * Whether a message may be delivered, although a subscription was granted: its filter may match more than may be
   * read. `shareName`: of the shared subscription that it is delivered for, else "".
   */
  mayReceive(identity: Identity, topic: string, shareName: string): boolean;
  /** Whether both always get the same answers, as far as can be told without asking. */
  isSame(a: Identity, b: Identity): boolean;
  /** `receive`: what `mayReceive` is about; a shared subscription's topic behind `$share/{shareName}/`. */
  explain(identity: Identity, action: Action | "receive", topic: string): Explanation;
}
