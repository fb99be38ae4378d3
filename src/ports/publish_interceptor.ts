import type { MaybePromise } from "../base/mod.ts";
import type { Message } from "../session/mod.ts";

/** Sees every message before it is retained and routed; may exchange it or refuse it. */
export interface PublishInterceptor {
  intercept(message: Message): MaybePromise<Message | "reject">;
}
