import { ActionError } from "./action.ts";

/** Messages that rules may make of one, each of the one before it. */
export const HOPS_MAX = 8;

/** How publishers are called that are rules of EMQX 3.1, once for each of them, before the identifier of the client. */
const LEGACY_PUBLISHER = "built_in:republish_action:";

/** An action as publisher, and the message's number in its row where that is more than one. */
const ACTION_PUBLISHER = /^((?:built_in:republish_action|republish)_.+?)(?:~hop([2-8]))?$/s;

interface Hop {
  readonly actionId: string;
  /** Of the message that it publishes; 1: it is made of one that no rule made. */
  readonly number: number;
}

/**
 * Which actions have published the message that is being routed, the first one first. Publishing happens within the
 * event that caused it, so that a list which grows and shrinks is enough to find what feeds itself. Of what comes back
 * later, after a delay or when it is acknowledged, the name of the publisher tells.
 */
export class RepublishChain {
  readonly #hops: Hop[] = [];

  /**
   * The number in its row of the message that `actionId` is going to publish because of one that `publisherId` has
   * published. Throws where that is its own, or the row is at its end.
   */
  next(actionId: string, publisherId: string): number {
    const isOwn = publisherName(publisherId) === actionId ||
      this.#hops.some((hop) => hop.actionId === actionId);
    if (isOwn) {
      throw new ActionError("Cannot republish: the message was republished by this very action");
    }
    const number = Math.max(this.#hops.at(-1)?.number ?? 0, hopsIn(publisherId));
    if (number >= HOPS_MAX) {
      throw new ActionError(`Cannot republish: the message has been through ${number} rules`);
    }
    return number + 1;
  }

  /** Publishes for `actionId`, which is in the chain for that time. */
  run<T>(actionId: string, number: number, publish: () => T): T {
    this.#hops.push({ actionId, number });
    try {
      return publish();
    } finally {
      this.#hops.pop();
    }
  }
}

/** What an action is called as the publisher of a message of that number in its row. */
export function actionPublisher(actionId: string, number: number): string {
  return number > 1 ? `${actionId}~hop${number}` : actionId;
}

/** What a rule of EMQX 3.1 is called as the publisher of a message that it makes of `clientId`'s, or of a rule's. */
export function legacyPublisher(publisherId: string, clientId: string): string {
  const isOfRule = publisherId.startsWith(LEGACY_PUBLISHER) || ACTION_PUBLISHER.test(publisherId);
  return LEGACY_PUBLISHER + (isOfRule ? publisherId : clientId);
}

function publisherName(publisherId: string): string {
  return ACTION_PUBLISHER.exec(publisherId)?.[1] ?? publisherId;
}

function hopsIn(publisherId: string): number {
  let count = 0;
  let at = 0;
  for (; publisherId.startsWith(LEGACY_PUBLISHER, at); at += LEGACY_PUBLISHER.length) count++;
  const action = ACTION_PUBLISHER.exec(publisherId.slice(at));
  return action === null ? count : count + Number(action[2] ?? 1);
}
