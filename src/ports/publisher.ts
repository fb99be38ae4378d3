import type { MaybePromise } from "../base/mod.ts";
import type { ReasonCode } from "../mqtt/mod.ts";
import type { Message } from "../session/mod.ts";
import type { Identity } from "./records.ts";

/** The way in for messages that did not come in a PUBLISH: wills, `$SYS`, rules, bridges, HTTP. */
export interface Publisher {
  /** Success, `noMatchingSubscribers`, or why the message was refused. */
  publishMessage(message: Message, identity: Identity): MaybePromise<ReasonCode>;
}
