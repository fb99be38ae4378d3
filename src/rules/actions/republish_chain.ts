import { ActionError } from "./action.ts";

/** Messages that rules may make of one, each of the one before it. */
export const HOPS_MAX = 8;

/**
 * Which actions have published the message that is being routed, the first one first. Publishing happens within the
 * event that caused it, so that a list which grows and shrinks is enough to find what feeds itself.
 */
export class RepublishChain {
  readonly #actions: string[] = [];

  /**
   * Throws where `actionId` would publish because of a message of its own, or of one that has been through too many
   * rules. `publisherId`: of the message that the event is about, which tells of messages that came back later, after
   * a delay; there `prefix` stands once for each rule of EMQX 3.1.
   */
  check(actionId: string, publisherId: string, prefix: string): void {
    if (publisherId === actionId || this.#actions.includes(actionId)) {
      throw new ActionError("Cannot republish: the message was republished by this very action");
    }
    const hops = Math.max(this.#actions.length, countPrefix(publisherId, prefix));
    if (hops >= HOPS_MAX) {
      throw new ActionError(`Cannot republish: the message has been through ${hops} rules`);
    }
  }

  /** Publishes for `actionId`, which is in the chain for that time. */
  run<T>(actionId: string, publish: () => T): T {
    this.#actions.push(actionId);
    try {
      return publish();
    } finally {
      this.#actions.pop();
    }
  }
}

function countPrefix(text: string, prefix: string): number {
  let count = 0;
  for (let at = 0; text.startsWith(prefix, at); at += prefix.length) count++;
  return count;
}
